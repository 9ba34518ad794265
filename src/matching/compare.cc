// SPDX-License-Identifier: Apache-2.0
//
// The points of a pair: a look at each field, weighed by how rare the value is, and then what is
// said twice taken down.
#include <algorithm>
#include <bit>
#include <tuple>
#include <utility>

#include "matching/similarity.h"
#include "text.h"

namespace leadcore {
namespace {

// As many leads as the shipped weight counts for beside the set's own counts.
constexpr int kPriorLeads = 256;
// How far counts may raise a weight, and what of it they leave at least.
constexpr Points kMostRaise = 8 * kOnePoint;
constexpr Points kRaiseShare = 2;
constexpr Points kLeastShare = 4;
// Leads among which the thresholds hold as they are.
constexpr uint64_t kUsualSet = 10'000;
// Of an agreement of swapped names, for each of the two.
constexpr Points kSwapped = kOnePoint / 2;

// log2(x / 65536) in thousandths, by squaring: whole numbers give the same on every machine.
Points Log2(uint64_t x) {
  const int exponent = std::bit_width(x) - 1;
  uint64_t mantissa = exponent > 31 ? x >> (exponent - 31) : x << (31 - exponent);
  Points fraction = 0;
  for (int bit = 0; bit < 12; ++bit) {
    mantissa = (mantissa * mantissa) >> 31;
    fraction *= 2;
    if (mantissa >= uint64_t{1} << 32) {
      mantissa >>= 1;
      ++fraction;
    }
  }
  return (exponent - 16) * kOnePoint + fraction * kOnePoint / 4096;
}

// What several people have because they work or live together.
bool IsContext(SimilarityKind kind) {
  switch (kind) {
    case SimilarityKind::kPhone:
    case SimilarityKind::kCompany:
    case SimilarityKind::kDomain:
    case SimilarityKind::kStreet:
    case SimilarityKind::kHouseNumber:
    case SimilarityKind::kPlace:
    case SimilarityKind::kPostalCode:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string_view PairVerdictName(PairVerdict verdict) {
  constexpr std::string_view kNames[] = {"none", "possible", "sure"};
  return kNames[static_cast<size_t>(verdict)];
}

std::string_view AgreementName(Agreement agreement) {
  constexpr std::string_view kNames[] = {"same", "close", "partly", "different"};
  return kNames[static_cast<size_t>(agreement)];
}

uint32_t PairScorer::CountOf(size_t slot, uint64_t hash) const {
  if (counts_.values.empty()) return 0;
  const auto at = counts_.values[slot].find(hash);
  return at == counts_.values[slot].end() ? 0 : at->second;
}

// log2 of one over the share of the leads that have the value by chance: those beside the two that
// are compared, and kPriorLeads more that have it as often as the shipped weight says. Of two
// values that are nearly the same the more frequent one counts.
Points PairScorer::Rarity(size_t slot, Points agree, uint64_t a, uint64_t b) const {
  if (counts_.values.empty()) return agree;
  const uint64_t pair = a == b ? 2 : 1;
  const uint64_t have = std::max(CountOf(slot, a), CountOf(slot, b));
  const uint64_t others = have > pair ? have - pair : 0;
  const uint64_t leads = static_cast<uint64_t>(counts_.leads[slot]) + kPriorLeads;
  // Fixed point, 16 and 32 bits.
  const uint64_t by_weight =
      (uint64_t{kPriorLeads} << 16) >> std::min<Points>(agree / kOnePoint, 63);
  const uint64_t with_value = (others << 16) + std::max<uint64_t>(by_weight, 1);
  const Points bits = Log2((leads << 32) / with_value);
  return std::clamp(bits, agree / kLeastShare, agree + std::min(kMostRaise, agree / kRaiseShare));
}

PairScorer::NameLook PairScorer::Weigh(size_t slot, Points agree, Points disagree,
                                       const PreparedName& a, const PreparedName& b,
                                       const Look& look) const {
  NameLook weighed{look, disagree};
  if (look.agreement == Agreement::kDifferent) return weighed;
  weighed.points = Rarity(slot, agree, a.hash, b.hash) * look.eighths / kAll;
  if (a.hash == b.hash) weighed.leads = CountOf(slot, a.hash);
  return weighed;
}

void PairScorer::Names(const PreparedLead::Data& a, const PreparedLead::Data& b) {
  std::optional<size_t> first = parts_.first, last = parts_.last;
  Points weights[4] = {};  // first: agree, disagree; last
  if (first) weights[0] = parts_.slots[*first].agree, weights[1] = parts_.slots[*first].disagree;
  if (last) weights[2] = parts_.slots[*last].agree, weights[3] = parts_.slots[*last].disagree;
  if (!first && !last && parts_.full) {
    // The last name says more: two people share one less often.
    first = last = parts_.full;
    const Slot& full = parts_.slots[*parts_.full];
    weights[0] = full.agree * 7 / 16, weights[1] = full.disagree * 9 / 16;
    weights[2] = full.agree * 9 / 16, weights[3] = full.disagree * 7 / 16;
  }
  const auto firsts = [&](const PreparedName& x, const PreparedName& y) {
    return Weigh(*first, weights[0], weights[1], x, y, LookAtFirstNames(x, y));
  };
  const auto lasts = [&](const PreparedName& x, const PreparedName& y) {
    return Weigh(*last, weights[2], weights[3], x, y, LookAtLastNames(x, y));
  };
  const auto both = [](const PreparedName& x, const PreparedName& y) {
    return !x.text.empty() && !y.text.empty();
  };
  std::optional<NameLook> by_first, by_last;
  if (first && both(a.first, b.first)) by_first = firsts(a.first, b.first);
  if (last && both(a.last, b.last)) by_last = lasts(a.last, b.last);
  const auto differs = [](const std::optional<NameLook>& look) {
    return look && look->look.agreement >= Agreement::kPartly;
  };
  const bool try_swapped = first && last && both(a.first, b.last) && both(a.last, b.first) &&
                           (differs(by_first) || differs(by_last));
  if (try_swapped) {
    // One name of each is weighed as a first, the other as a last name, whichever lead is `a`.
    NameLook one = firsts(a.first, b.last), other = lasts(a.last, b.first);
    NameLook one_back = firsts(a.last, b.first), other_back = lasts(a.first, b.last);
    const auto order = [](const NameLook& x, const NameLook& y) {
      return std::pair(x.points + y.points, x.points);
    };
    if (order(one_back, other_back) < order(one, other)) one = one_back, other = other_back;
    const Points straight = (by_first ? by_first->points : 0) + (by_last ? by_last->points : 0);
    const bool fit =
        one.look.agreement <= Agreement::kClose && other.look.agreement <= Agreement::kClose;
    if (fit && one.points + other.points - 2 * kSwapped > straight) {
      one.look.reason = other.look.reason = "first and last name are swapped";
      one.look.agreement = other.look.agreement = Agreement::kClose;
      one.points -= kSwapped, other.points -= kSwapped;
      by_first = one, by_last = other;
    }
  }
  const auto add = [&](const std::optional<size_t>& slot, const std::optional<NameLook>& look) {
    if (!look) return;
    findings_.push_back(
        {*slot, look->look.agreement, look->points, look->look.reason, look->leads, false});
  };
  add(first, by_first);
  add(last, by_last);
}

void PairScorer::Values(size_t slot, const std::vector<Form>& a, const std::vector<Form>& b) {
  const SimilarityKind kind = parts_.slots[slot].kind;
  const Points agree = parts_.slots[slot].agree;
  std::optional<Finding> best;
  for (const Form& x : a) {
    for (const Form& y : b) {
      const Look look = LookAtForms(kind, x, y);
      Finding finding{slot, look.agreement, parts_.slots[slot].disagree, look.reason, 0, false};
      if (look.agreement != Agreement::kDifferent) {
        finding.points = Rarity(slot, agree, x.hash, y.hash) * look.eighths / kAll;
        if (x.hash == y.hash) finding.leads = CountOf(slot, x.hash);
      }
      finding.context = IsContext(kind) || x.shared || y.shared;
      const auto order = [](const Finding& f) {
        return std::tuple(-f.points, f.agreement, f.reason, f.leads);
      };
      if (!best || order(finding) < order(*best)) best = finding;
    }
  }
  if (best) findings_.push_back(*best);
}

// What follows from something else that both have is not told twice.
void PairScorer::Overlaps() {
  bool same_first = false, other_first = false, same_mailbox = false;
  for (const Finding& finding : findings_) {
    const SimilarityKind kind = parts_.slots[finding.slot].kind;
    if (kind == SimilarityKind::kFirstName || kind == SimilarityKind::kFullName) {
      (finding.agreement == Agreement::kDifferent ? other_first : same_first) = true;
    }
    if (kind == SimilarityKind::kEmail) {
      same_mailbox = same_mailbox || (!finding.context && finding.agreement <= Agreement::kClose);
    }
  }
  std::erase_if(findings_, [&](const Finding& finding) {
    return same_mailbox && parts_.slots[finding.slot].kind == SimilarityKind::kDomain;
  });
  // A couple has the last name, and now and then the mailbox, because it lives together.
  for (Finding& finding : findings_) {
    const SimilarityKind kind = parts_.slots[finding.slot].kind;
    if (kind == SimilarityKind::kLastName && !same_first) finding.context = true;
    if (kind == SimilarityKind::kEmail && other_first && finding.points > 0) {
      finding.context = true;
      finding.points /= 2;
    }
  }
}

// Who shares an office shares its phone, company and address: of agreements that come together the
// best counts whole, and each further one half as much as the one before.
void PairScorer::Dampen() {
  std::vector<Finding*> together;
  for (Finding& finding : findings_) {
    if (finding.context && finding.points > 0) together.push_back(&finding);
  }
  std::ranges::sort(together, [](const Finding* a, const Finding* b) {
    return a->points != b->points ? a->points > b->points : a->slot < b->slot;
  });
  for (size_t i = 0; i < together.size(); ++i) together[i]->points >>= std::min<size_t>(i, 60);
}

Points PairScorer::Score(const PreparedLead::Data& a, const PreparedLead::Data& b) {
  findings_.clear();
  Names(a, b);
  for (size_t i = 0; i < parts_.slots.size(); ++i) {
    if (!a.slots[i].empty() && !b.slots[i].empty()) Values(i, a.slots[i], b.slots[i]);
  }
  Overlaps();
  Dampen();
  Points points = 0;
  for (const Finding& finding : findings_) points += finding.points;
  return points;
}

Points PairScorer::Margin() const {
  if (counts_.size <= kUsualSet) return 0;
  return Log2((counts_.size << 16) / kUsualSet);
}

PairScore PairScorer::Explain(const PreparedLead::Data& a, const PreparedLead::Data& b) {
  PairScore score;
  score.points = Score(a, b);
  const Points over = score.points - Margin();
  score.verdict = over >= parts_.sure       ? PairVerdict::kSure
                  : over >= parts_.possible ? PairVerdict::kPossible
                                            : PairVerdict::kNone;
  std::ranges::stable_sort(findings_, {}, &Finding::slot);
  for (const Finding& finding : findings_) {
    const bool counted = finding.leads > 2 && finding.agreement == Agreement::kSame;
    score.evidence.push_back({parts_.slots[finding.slot].name, finding.agreement, finding.points,
                              counted ? Cat(finding.reason, " (", finding.leads, " leads have it)")
                                      : std::string(finding.reason)});
  }
  return score;
}

PairScore Similarity::Compare(const PreparedLead& a, const PreparedLead& b,
                              const LeadFrequencies& frequencies) const {
  return PairScorer(*parts_, frequencies.counts()).Explain(a.data(), b.data());
}

}  // namespace leadcore

// SPDX-License-Identifier: Apache-2.0
//
// Who is one person: sure pairs joined best first, as long as the whole holds together.
#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "matching/similarity.h"

namespace leadcore {
namespace {

// Leads that say the same, and so are one person or too little is known: the order of leads does
// not matter to anything that is decided over units in the order of their content.
struct Unit {
  std::vector<size_t> leads;  // positions, ascending
};

std::vector<Unit> UnitsOf(std::span<const PreparedLead> leads) {
  std::vector<size_t> order(leads.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return leads[i].data().content; });
  std::vector<Unit> units;
  for (const size_t i : order) {
    const bool same =
        !units.empty() && leads[units.back().leads[0]].data().content == leads[i].data().content;
    if (!same) units.emplace_back();
    units.back().leads.push_back(i);
  }
  return units;
}

// Joins units, best pairs first.
class Joiner {
 public:
  Joiner(std::span<const PreparedLead> units, Points least_mean, PairScorer* scorer)
      : units_(units), least_mean_(least_mean), scorer_(*scorer), members_(units.size()) {
    parent_.resize(units.size());
    std::iota(parent_.begin(), parent_.end(), size_t{0});
    for (size_t i = 0; i < units.size(); ++i) members_[i] = {i};
  }

  size_t Find(size_t unit) {
    while (parent_[unit] != unit) unit = parent_[unit] = parent_[parent_[unit]];
    return unit;
  }

  void Join(std::vector<ScoredPair> pairs) {
    std::ranges::sort(pairs, {},
                      [](const ScoredPair& p) { return std::tuple(-p.points, p.a, p.b); });
    for (const ScoredPair& pair : pairs) {
      size_t into = Find(pair.a), from = Find(pair.b);
      if (into == from || !HoldTogether(into, from)) continue;
      if (members_[into].size() < members_[from].size()) std::swap(into, from);
      parent_[from] = into;
      members_[into].insert(members_[into].end(), members_[from].begin(), members_[from].end());
      members_[from].clear();
    }
  }

 private:
  bool HoldTogether(size_t a, size_t b) {
    const std::vector<size_t>&x = members_[a], &y = members_[b];
    if (x.size() == 1 && y.size() == 1) return true;  // the pair is sure
    // Two clusters that did not fit will not as long as neither grows.
    const auto tried = std::tuple(std::min(a, b), std::max(a, b), x.size() + y.size());
    if (refused_.contains(tried)) return false;
    Points sum = 0;
    for (const size_t i : x) {
      for (const size_t j : y) sum += scorer_.Score(units_[i].data(), units_[j].data());
    }
    const bool fit = sum >= least_mean_ * static_cast<Points>(x.size() * y.size());
    if (!fit) refused_.insert(tried);
    return fit;
  }

  const std::span<const PreparedLead> units_;
  const Points least_mean_;
  PairScorer& scorer_;
  std::vector<size_t> parent_;
  std::vector<std::vector<size_t>> members_;  // of each root
  absl::flat_hash_set<std::tuple<size_t, size_t, size_t>> refused_;
};

}  // namespace

LeadFrequencies::LeadFrequencies() : counts_(std::make_shared<const Counts>()) {}

LeadFrequencies Similarity::Count(std::span<const PreparedLead> leads) const {
  auto counts = std::make_shared<LeadFrequencies::Counts>();
  counts->leads.resize(parts_->slots.size());
  counts->values.resize(parts_->slots.size());
  const bool only_full = !parts_->first && !parts_->last;
  const auto count_name = [&](const std::optional<size_t>& slot, const PreparedName& name) {
    if (!slot || name.text.empty()) return;
    ++counts->leads[*slot];
    ++counts->values[*slot][name.hash];
  };
  absl::flat_hash_set<std::pair<uint64_t, uint64_t>> seen;
  for (const PreparedLead& lead : leads) {
    if (!seen.insert(lead.data().content).second) continue;
    ++counts->size;
    count_name(only_full ? parts_->full : parts_->first, lead.data().first);
    count_name(only_full ? parts_->full : parts_->last, lead.data().last);
    for (size_t i = 0; i < parts_->slots.size(); ++i) {
      const std::vector<Form>& forms = lead.data().slots[i];
      if (!forms.empty()) ++counts->leads[i];
      for (const Form& form : forms) ++counts->values[i][form.hash];
    }
  }
  return LeadFrequencies(std::move(counts));
}

Clusters Similarity::Cluster(std::span<const PreparedLead> leads) const {
  const std::vector<Unit> units = UnitsOf(leads);
  std::vector<PreparedLead> distinct;
  for (const Unit& unit : units) distinct.push_back(leads[unit.leads[0]]);
  const LeadFrequencies frequencies = Count(distinct);
  PairScorer scorer(*parts_, frequencies.counts());

  const Points margin = scorer.Margin();
  std::vector<ScoredPair> sure, possible;
  for (const auto& [a, b] : Candidates(distinct)) {
    const Points points = scorer.Score(distinct[a].data(), distinct[b].data());
    if (points >= parts_->possible + margin) possible.push_back({a, b, points});
    if (points >= parts_->sure + margin) sure.push_back({a, b, points});
  }
  Joiner joiner(distinct, parts_->possible / 2, &scorer);
  joiner.Join(std::move(sure));

  Clusters result;
  result.cluster.resize(leads.size());
  std::vector<size_t> least(units.size(), leads.size());
  for (size_t i = 0; i < units.size(); ++i) {
    size_t& first = least[joiner.Find(i)];
    first = std::min(first, units[i].leads[0]);
  }
  for (size_t i = 0; i < units.size(); ++i) {
    // Copies of what says too little may be two people; what says too little joins nobody either.
    const bool alone = units[i].leads.size() > 1 &&
                       scorer.Score(distinct[i].data(), distinct[i].data()) < parts_->sure + margin;
    for (const size_t lead : units[i].leads) {
      result.cluster[lead] = alone ? lead : least[joiner.Find(i)];
    }
  }
  for (ScoredPair pair : possible) {
    if (joiner.Find(pair.a) == joiner.Find(pair.b)) continue;
    const size_t a = units[pair.a].leads[0], b = units[pair.b].leads[0];
    result.possible.push_back({std::min(a, b), std::max(a, b), pair.points});
  }
  std::ranges::sort(result.possible, {}, [](const ScoredPair& p) { return std::pair(p.a, p.b); });
  return result;
}

}  // namespace leadcore

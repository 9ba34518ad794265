// SPDX-License-Identifier: Apache-2.0
//
// Which pairs are looked at: those with a blocking key in common that few leads have.
#include <algorithm>
#include <utility>

#include "matching/nicknames.h"
#include "matching/similarity.h"
#include "normalize/unicode.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kShortestMailbox = 4;
constexpr size_t kPlacePrefix = 3;  // of a postal code
constexpr size_t kMostGroups = 4;

constexpr char kCodes[] = "01230120022455012623010202";  // a to z; 0: no sound of its own

class BlockMaker {
 public:
  BlockMaker(const Similarity::Parts& parts, const PreparedLead::Data& lead)
      : parts_(parts), lead_(lead), first_(lead.first.text), last_(lead.last.text) {
    last_sound_ = Soundex(last_);
    first_sound_ = Soundex(first_);
    postal_ = TextOf(SimilarityKind::kPostalCode);
    area_ = postal_.substr(0, kPlacePrefix);
    place_ = TextOf(SimilarityKind::kPlace);
  }

  std::vector<BlockingKey> Run() {
    Names();
    for (size_t i = 0; i < parts_.slots.size(); ++i) {
      for (const Form& form : lead_.slots[i]) Value(parts_.slots[i].kind, form);
    }
    std::ranges::sort(keys_, {}, &BlockingKey::text);
    const auto repeated = std::ranges::unique(keys_, {}, &BlockingKey::text);
    keys_.erase(repeated.begin(), repeated.end());
    return std::move(keys_);
  }

 private:
  std::string_view TextOf(SimilarityKind kind) const {
    for (size_t i = 0; i < parts_.slots.size(); ++i) {
      if (parts_.slots[i].kind == kind && !lead_.slots[i].empty()) return lead_.slots[i][0].text;
    }
    return {};
  }

  // All parts have to be there.
  void Add(std::string_view name, std::initializer_list<std::string_view> parts,
           std::string_view finer = {}) {
    BlockingKey key{Cat(name, ':'), {}};
    for (const std::string_view part : parts) {
      if (part.empty()) return;
      key.text += Cat(part, '\x1f');
    }
    key.text.pop_back();
    if (!finer.empty()) key.finer = Cat(key.text, '\x1e', finer);
    keys_.push_back(std::move(key));
  }

  void Names() {
    if (first_.empty() || last_.empty()) {
      const std::string_view name = first_.empty() ? last_ : first_;
      return Add("single", {name, area_}, place_);
    }
    // First and last name as one set: they may be swapped, and the first one short.
    const auto set = [&](std::string_view name, std::string_view first, std::string_view last) {
      Add(name, {std::min(first, last), std::max(first, last)}, area_);
    };
    set("name", first_, last_);
    for (size_t i = 0; i < lead_.first.groups.size() && i < kMostGroups; ++i) {
      const std::string_view group = GroupName(lead_.first.groups[i]);
      set("name", group, last_);
      Add("near", {group, last_, area_}, place_);
    }
    for (size_t i = 0; i < lead_.last.groups.size() && i < kMostGroups; ++i) {
      set("name", first_, GroupName(lead_.last.groups[i]));
    }
    Add("near", {first_, last_, area_}, place_);
    Add("sound", {first_sound_, last_sound_, area_}, place_);
    Add("sound", {last_sound_, first_sound_, area_}, place_);
    Add("town", {last_, place_}, first_sound_);
    Add("town1", {first_, place_}, last_sound_);
    Add("start", {first_.substr(0, 3), last_.substr(0, 4)}, area_);
  }

  void Value(SimilarityKind kind, const Form& form) {
    switch (kind) {
      case SimilarityKind::kEmail:
        if (form.shared) return;
        if (form.part.size() >= kShortestMailbox) return Add("mailbox", {form.part}, form.text);
        return Add("mail", {form.text}, last_);
      case SimilarityKind::kPhone:
        return Add("phone", {form.part}, last_sound_);
      case SimilarityKind::kCompany:
        Add("company", {form.text, last_}, first_sound_);
        return Add("company1", {form.text, first_}, last_sound_);
      case SimilarityKind::kDomain:
        Add("domain", {form.text, last_}, first_sound_);
        return Add("domain1", {form.text, first_}, last_sound_);
      case SimilarityKind::kStreet:
        return Street(form);
      case SimilarityKind::kDate:
        Add("born", {form.text, last_sound_}, first_sound_);
        Add("born1", {form.text, first_sound_}, last_sound_);
        return Add("day", {form.text}, area_);
      case SimilarityKind::kId:
        return Add("id", {form.text}, last_sound_);
      default:
        return;
    }
  }

  void Street(const Form& form) {
    const std::string_view number =
        form.part.empty() ? TextOf(SimilarityKind::kHouseNumber) : std::string_view(form.part);
    const std::string_view name = std::string_view(form.text).substr(0, form.text.find(' '));
    Add("street", {number, name, area_.empty() ? place_ : area_}, last_sound_);
    Add("home", {number, name, last_sound_}, first_sound_);
    Add("home1", {number, name, first_sound_}, last_sound_);
  }

  const Similarity::Parts& parts_;
  const PreparedLead::Data& lead_;
  const std::string_view first_, last_;
  std::string last_sound_, first_sound_;
  std::string_view postal_, area_, place_;
  std::vector<BlockingKey> keys_;
};

using Entry = std::pair<uint64_t, uint32_t>;  // hash of a key, lead

// Calls `few` with the entries of each key that at most `cap` leads have, and `many` with the
// others.
template <typename Few, typename Many>
void ForEachBlock(std::vector<Entry>* entries, size_t cap, Few few, Many many) {
  std::ranges::sort(*entries);
  for (auto begin = entries->begin(); begin != entries->end();) {
    const auto end = std::find_if(begin, entries->end(),
                                  [&](const Entry& entry) { return entry.first != begin->first; });
    const std::span<const Entry> block(begin, end);
    block.size() <= cap ? few(block) : many(block);
    begin = end;
  }
}

}  // namespace

std::string Soundex(std::string_view folded) {
  std::string code;
  char before = '0';
  for (const char c : folded) {
    if (c < 'a' || c > 'z') continue;
    const char sound = kCodes[c - 'a'];
    if (code.empty()) {
      code.push_back(c);
    } else if (sound != '0' && sound != before) {
      code.push_back(sound);
    }
    // h and w do not part two letters of one sound.
    if (c != 'h' && c != 'w') before = sound;
    if (code.size() == 4) break;
  }
  if (!code.empty()) code.resize(4, '0');
  return code;
}

std::vector<BlockingKey> Similarity::Blocks(const PreparedLead& lead) const {
  return BlockMaker(*parts_, lead.data()).Run();
}

std::vector<std::pair<size_t, size_t>> Similarity::Candidates(
    std::span<const PreparedLead> leads) const {
  const size_t cap = static_cast<size_t>(parts_->config.block_cap);
  std::vector<Entry> entries, finer;
  for (size_t i = 0; i < leads.size(); ++i) {
    for (const BlockingKey& key : Blocks(leads[i])) {
      entries.emplace_back(HashOf(key.text), static_cast<uint32_t>(i));
    }
  }
  std::vector<std::pair<size_t, size_t>> pairs;
  const auto pair_up = [&pairs](std::span<const Entry> block) {
    for (size_t i = 0; i < block.size(); ++i) {
      for (size_t j = i + 1; j < block.size(); ++j) {
        pairs.emplace_back(block[i].second, block[j].second);
      }
    }
  };
  std::vector<std::vector<uint64_t>> too_frequent(leads.size());
  ForEachBlock(&entries, cap, pair_up, [&](std::span<const Entry> block) {
    for (const Entry& entry : block) too_frequent[entry.second].push_back(entry.first);
  });
  for (size_t i = 0; i < leads.size(); ++i) {
    if (too_frequent[i].empty()) continue;
    for (const BlockingKey& key : Blocks(leads[i])) {
      const bool frequent = std::ranges::binary_search(too_frequent[i], HashOf(key.text));
      if (frequent && !key.finer.empty()) {
        finer.emplace_back(HashOf(key.finer), static_cast<uint32_t>(i));
      }
    }
  }
  ForEachBlock(&finer, cap, pair_up, [](std::span<const Entry>) {});
  std::ranges::sort(pairs);
  const auto repeated = std::ranges::unique(pairs);
  pairs.erase(repeated.begin(), repeated.end());
  return pairs;
}

}  // namespace leadcore

// SPDX-License-Identifier: Apache-2.0
//
// What the parts of Similarity share: the compiled fields and the prepared lead.
#ifndef LEADCORE_SRC_MATCHING_SIMILARITY_H_
#define LEADCORE_SRC_MATCHING_SIMILARITY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "leadcore/matching.h"

namespace leadcore {

// A field that is compared.
struct Slot {
  std::string name;
  FieldId field = 0;
  SimilarityKind kind = SimilarityKind::kText;
  Points agree = 0;     // >= 0
  Points disagree = 0;  // <= 0
};

struct Similarity::Parts {
  SimilarityConfig config;
  Points possible = 0;
  Points sure = 0;
  std::string country;
  std::vector<Slot> slots;
  // Where the person's names are told and weighed: positions in `slots`; none when the field is not
  // compared.
  std::optional<size_t> first, last, full;
};

// One normal form of what a field holds.
struct Form {
  std::string text;
  std::string part;     // e-mail: local part; phone: last 7 digits; street: house number
  bool shared = false;  // e-mail: of a role, so of many people
  uint64_t hash = 0;    // of what is counted: `text`, of a street with the house number
};

struct PreparedName {
  std::string text;  // folded
  uint64_t hash = 0;
  std::vector<uint16_t> groups;  // of nicknames; of a first name only
};

struct PreparedLead::Data {
  PreparedName first, last;
  std::vector<std::vector<Form>> slots;   // as Parts::slots; those of names are empty
  std::pair<uint64_t, uint64_t> content;  // a hash of all of it
};

struct LeadFrequencies::Counts {
  uint64_t size = 0;
  // By slot: how many leads have a value, and how many have this one.
  std::vector<int64_t> leads;
  std::vector<absl::flat_hash_map<uint64_t, uint32_t>> values;
};

uint64_t HashOf(std::string_view text);

// The letter and three digits of Soundex (R. Russell, 1918; as the US National Archives use it) of
// a folded name; "" when it has no letter a to z.
std::string Soundex(std::string_view folded);

// How alike two texts of one kind are: how much of the agreement's weight that is, in eighths, and
// in words.
struct Look {
  Agreement agreement = Agreement::kDifferent;
  int eighths = 0;
  std::string_view reason;
};
inline constexpr int kAll = 8;

Look LookAtFirstNames(const PreparedName& a, const PreparedName& b);
Look LookAtLastNames(const PreparedName& a, const PreparedName& b);
// Neither text is empty. Not for names.
Look LookAtForms(SimilarityKind kind, const Form& a, const Form& b);

// Compares pairs, one after the other. Thread-compatible; borrows what it is made of.
class PairScorer {
 public:
  PairScorer(const Similarity::Parts& parts, const LeadFrequencies::Counts& counts)
      : parts_(parts), counts_(counts) {}

  // Without making words of it: a batch asks a million times.
  Points Score(const PreparedLead::Data& a, const PreparedLead::Data& b);
  PairScore Explain(const PreparedLead::Data& a, const PreparedLead::Data& b);
  // What the thresholds are raised by: twice as many leads hold twice as many that look like one.
  Points Margin() const;

 private:
  struct Finding {
    size_t slot = 0;
    Agreement agreement = Agreement::kDifferent;
    Points points = 0;
    std::string_view reason;
    uint32_t leads = 0;    // of the set have the value that both have; 0: not known
    bool context = false;  // colleagues and families have it in common too
  };
  // A look at names with its points.
  struct NameLook {
    Look look;
    Points points = 0;
    uint32_t leads = 0;
  };

  uint32_t CountOf(size_t slot, uint64_t hash) const;
  Points Rarity(size_t slot, Points agree, uint64_t a, uint64_t b) const;
  NameLook Weigh(size_t slot, Points agree, Points disagree, const PreparedName& a,
                 const PreparedName& b, const Look& look) const;
  void Names(const PreparedLead::Data& a, const PreparedLead::Data& b);
  void Values(size_t slot, const std::vector<Form>& a, const std::vector<Form>& b);
  void Overlaps();
  void Dampen();

  const Similarity::Parts& parts_;
  const LeadFrequencies::Counts& counts_;
  std::vector<Finding> findings_;
};

}  // namespace leadcore

#endif  // LEADCORE_SRC_MATCHING_SIMILARITY_H_

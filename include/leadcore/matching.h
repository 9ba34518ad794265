// SPDX-License-Identifier: Apache-2.0
//
// Matching: the keys by which a lead that comes in is found to be known, and what is done then; and
// how alike two leads are that share no key, with the clusters of a batch.
//
// A key is made of normal forms, so that two spellings of one thing give one key. Exclusive keys
// are claims: the store lets one lead hold each, whatever races. Candidate keys find and flag; two
// concurrent submits may both miss such a hit.
#ifndef LEADCORE_MATCHING_H_
#define LEADCORE_MATCHING_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "leadcore/lead.h"
#include "leadcore/normalize.h"
#include "leadcore/schema.h"
#include "leadcore/value.h"

namespace leadcore {

enum class OnHit : uint8_t {
  kReject,  // refuse the newcomer (exclusive keys only)
  kAttach,  // add it to the known lead as an activity
  kFill,    // fill the known lead's empty fields
  kFlag,    // create it, without the contested claim, and note the hit
};
// "reject", "attach", "fill", "flag".
std::string_view OnHitName(OnHit on_hit);

// The fields of one key: all must be there. Each is taken in its normal form: email canonical (with
// other_emails), phone and mobile_phone E.164 (with other_phones), company its core, domain and
// website the registrable domain, names, other text and choices folded, external_id as written
// (spaces aside), numbers and dates as they are.
struct KeyConfig {
  std::string name;  // "email"
  bool exclusive = false;
  std::vector<std::string> fields;  // {"company", "full_name"}
  OnHit on_hit = OnHit::kFlag;
};

struct MatchKey {
  size_t key = 0;          // position in the model's list, which is the order of trust
  std::string text;        // "email:ada@example.com"; parts of several fields are joined by U+001F
  bool exclusive = false;  // false for a role or shared address of an exclusive e-mail key
};

// A known lead that shares a key.
struct Match {
  MatchKey key;
  std::string lead;
};

struct MatchDecision {
  enum class Action : uint8_t { kCreate, kReject, kAttach, kFill };
  Action action = Action::kCreate;
  std::string lead;                    // the known lead; "" with kCreate
  std::string key;                     // name of the key that decided; "" when nothing was hit
  std::string key_text;                // its text: for the refusal
  std::vector<KeyHit> hits;            // every lead hit, best first, each lead once
  std::vector<std::string> contested;  // claims that the new lead must not make
};

// Immutable after Compile; thread-safe.
class Matching {
 public:
  // Faults have paths "keys[i].fields[j]" …: unknown or list fields, a name taken twice, reject on
  // a candidate key, fields that are no key (score, status …). nullptr when there were any. The
  // schema is borrowed and must outlive the result.
  static std::shared_ptr<const Matching> Compile(std::span<const KeyConfig> keys,
                                                 const Schema* schema, Faults* faults);

  // Keys of a normalised lead, best first, each text once. What has no normal form makes no key; a
  // phone number outside every plan's ranges makes none either.
  std::vector<MatchKey> Keys(LeadView view, const EmailLists& lists) const;

  // What to do with a newcomer. `matches` in any order. The best exclusive hit decides, else the
  // best candidate hit; of one key the oldest lead (least id). A shared address of an exclusive key
  // is noted among the hits and decides nothing.
  MatchDecision Decide(std::span<const Match> matches) const;

  const std::vector<KeyConfig>& keys() const { return keys_; }

 private:
  Matching() = default;

  std::vector<KeyConfig> keys_;
  std::vector<std::vector<FieldId>> fields_;  // of each key
};

// ---- How alike two leads are -------------------------------------------------------------------

// Jaro-Winkler similarity in ten-thousandths, rounded half up: 8963 is 89.63 %. On code points;
// common prefix of up to 4, scale 0.1, counted when Jaro alone is above 0.7 (W. Winkler, "String
// Comparator Metrics", 1990). Symmetric. Of longer texts the first 1,000 code points.
int JaroWinkler(std::string_view a, std::string_view b);
// Levenshtein distance in code points: insertions, deletions, substitutions. Of longer texts the
// first 1,000 code points.
int EditDistance(std::string_view a, std::string_view b);

// What a field holds, as far as comparing goes.
enum class SimilarityKind : uint8_t {
  kFirstName,    // nicknames, initials; also crosswise with the last name
  kLastName,     // also one part of a double name
  kFullName,     // read where first and last name are missing
  kEmail,        // with other_emails; addresses of roles say where somebody works
  kPhone,        // with mobile_phone and other_phones
  kCompany,      // its core
  kDomain,       // registrable; without one, that of the website or of a business e-mail address
  kStreet,       // house number and name
  kHouseNumber,  // alone
  kPlace,        // city, region
  kPostalCode,
  kTitle,
  kDate,  // also written as digits: 19081209
  kId,    // a number or code that one person has
  kText
};
// In the order of the kinds: "first_name", "last_name" …
std::span<const std::string_view> SimilarityKindNames();
std::optional<SimilarityKind> SimilarityKindFromName(std::string_view name);

// Weights are bits: log2 of how much likelier an agreement (a difference) is for one person than
// for two (I. Fellegi, A. Sunter, "A Theory for Record Linkage", 1969).
struct SimilarityField {
  std::string field;
  std::optional<SimilarityKind> kind;  // none: that of the built-in field; custom fields: kText
  std::optional<double> agree;         // 0 to 100; none: the kind's
  std::optional<double> disagree;      // -100 to 0; with 0 and 0 the field is not compared
};

// The built-in fields are compared by what they hold; `fields` changes that or adds more.
struct SimilarityConfig {
  std::vector<SimilarityField> fields;
  // Bits from which a pair is worth a look, and from which it is one person. In a set of more than
  // 10,000 leads log2(leads / 10,000) is added: so many more look alike by chance.
  double possible = 10;
  double sure = 18;
  // A blocking key that more leads of the set have finds nothing by itself. From 2 on.
  int64_t block_cap = 60;
};

// A lead in normal forms, made once by Similarity::Prepare and meaningful to it alone. Owns what it
// holds; immutable, thread-safe.
class PreparedLead {
 public:
  struct Data;
  explicit PreparedLead(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  const Data& data() const { return *data_; }

 private:
  std::shared_ptr<const Data> data_;
};

// By which leads come to be compared at all.
struct BlockingKey {
  std::string text;   // "phone:5552671"
  std::string finer;  // in place of a key that too many have: the same with more in it, or ""
};

enum class PairVerdict : uint8_t { kNone, kPossible, kSure };
enum class Agreement : uint8_t { kSame, kClose, kPartly, kDifferent };
// "none", "possible", "sure"; "same", "close", "partly", "different".
std::string_view PairVerdictName(PairVerdict verdict);
std::string_view AgreementName(Agreement agreement);

struct Evidence {
  std::string field;
  Agreement agreement = Agreement::kDifferent;
  Points points = 0;
  std::string reason;  // in words, without what the leads hold: "one is a short form of the other"
};
// The points of the evidence add up to `points`, in thousandths of a bit.
struct PairScore {
  Points points = 0;
  PairVerdict verdict = PairVerdict::kNone;
  std::vector<Evidence> evidence;  // in the order of the fields; missing on either side is none
};

// How often values occur in one frozen set of leads; copies of one lead count once. What few have
// says more. Immutable, thread-safe.
class LeadFrequencies {
 public:
  struct Counts;
  LeadFrequencies();  // of no leads: every value is as frequent as its field's weight says
  explicit LeadFrequencies(std::shared_ptr<const Counts> counts) : counts_(std::move(counts)) {}
  const Counts& counts() const { return *counts_; }

 private:
  std::shared_ptr<const Counts> counts_;
};

struct ScoredPair {
  size_t a = 0, b = 0;  // positions in the batch, a < b
  Points points = 0;
};
struct Clusters {
  std::vector<size_t> cluster;       // of each lead: the least position in its cluster
  std::vector<ScoredPair> possible;  // across clusters, from `possible` on; by position
};

// Compares leads. Immutable after Compile; thread-safe. Every answer is the same for (a, b) and
// (b, a), on every machine.
class Similarity {
 public:
  struct Parts;
  // Faults have paths "fields[i].kind" …: unknown or list fields, a field named twice, weights out
  // of range, `sure` below `possible`. `country` reads phones and postal codes of leads without
  // one; ISO 3166-1 alpha-2. The schema is read during the call only. nullptr on faults.
  static std::shared_ptr<const Similarity> Compile(const SimilarityConfig& config,
                                                   const Schema* schema, std::string country,
                                                   Faults* faults);
  ~Similarity();

  // Of a lead as it was written or normalised. What has no normal form, or stands for nothing
  // ("n/a", 000-0000), is missing.
  PreparedLead Prepare(LeadView view, const EmailLists& lists) const;
  // Each text once, sorted.
  std::vector<BlockingKey> Blocks(const PreparedLead& lead) const;
  LeadFrequencies Count(std::span<const PreparedLead> leads) const;

  PairScore Compare(const PreparedLead& a, const PreparedLead& b,
                    const LeadFrequencies& frequencies) const;

  // The pairs (i < j, sorted) of a set that share a blocking key which at most `block_cap` leads of
  // it have, or a finer one.
  std::vector<std::pair<size_t, size_t>> Candidates(std::span<const PreparedLead> leads) const;

  // Who is one person. Candidates are compared; sure pairs join their clusters, best first, where
  // all pairs across the two have half of `possible` on average, so that no chain of resemblances
  // makes a giant. A function of the set of leads, whatever their order.
  Clusters Cluster(std::span<const PreparedLead> leads) const;

  const SimilarityConfig& config() const;

 private:
  explicit Similarity(std::unique_ptr<const Parts> parts);
  std::unique_ptr<const Parts> parts_;
};

}  // namespace leadcore

#endif  // LEADCORE_MATCHING_H_

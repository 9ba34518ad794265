// SPDX-License-Identifier: Apache-2.0
//
// Matching: the keys by which a lead that comes in is found to be known, and what is done then.
//
// A key is made of normal forms, so that two spellings of one thing give one key. Exclusive keys
// are claims: the store lets one lead hold each, whatever races. Candidate keys find and flag; two
// concurrent submits may both miss such a hit.
#ifndef LEADCORE_MATCHING_H_
#define LEADCORE_MATCHING_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
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

}  // namespace leadcore

#endif  // LEADCORE_MATCHING_H_

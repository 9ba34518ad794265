// SPDX-License-Identifier: Apache-2.0
//
// Requests and replies of the engine: what a host may ask, and what it is told.
#ifndef LEADCORE_COMMANDS_H_
#define LEADCORE_COMMANDS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "leadcore/lead.h"

namespace leadcore {

// Who calls, when, and under which name the request is remembered. The engine has no clock and no
// other source of these.
struct Call {
  absl::Time now;
  std::string actor;       // who did it, for the audit trail: UTF-8, 1,024 bytes; "" is "unknown"
  std::string request_id;  // the same id with the same content is done once; needed by commands
  std::string principal;   // on whose behalf; for permissions, which are not checked yet
};

// ---- Commands ----------------------------------------------------------------------------------
//
// A command has at most 2 MiB, a list of its lead 1,000 entries, a request id 1,024 bytes of UTF-8;
// one that has more is rejected, its neighbours are not.

// A lead comes in. The engine normalises a copy, finds out whether it is known, scores and routes
// it.
struct Submit {
  Lead lead;
  // Import may set status, create_time and the other times; writes one `imported` event.
  bool imported = false;
};

// Something happened with a lead. `activity.lead_id` names it, or `external_id` or `email` find it.
struct LogActivity {
  Activity activity;  // without id; time 0 means the call's now
  std::string external_id;
  std::string email;
};

// Changes what people edit: the fields named get the values that `values` has, those that it lacks
// are cleared. What is made of them (the parts of a name, the domain, keys, territory, score)
// follows. Owner, status and what the engine computes have commands of their own. A value that
// cannot be read refuses the whole; so does an exclusive key that another lead holds, where the
// model rejects such leads (else the lead is found by it as well).
struct UpdateLead {
  std::string lead_id;
  Lead values;
  std::vector<std::string> fields;
  // What the caller has read: refused when the lead is at another version by now.
  std::optional<int64_t> version;
};

// Moves a lead to another state of the lifecycle, if that may follow and the lead has what the
// state asks for; sets what goes with the state (stage, next action and when it is due, its times).
struct TransitionLead {
  std::string lead_id;
  std::string to;
  // Why. What enters a lost state needs one: of the model's unqualified_reasons, if it has any.
  std::string reason;
  // Not empty: why the lead enters without what the state asks for. Both are told in the event.
  std::string override_reason;
  std::optional<int64_t> version;  // as in UpdateLead
};

// Gives a known lead to somebody else.
struct AssignLead {
  enum class To : uint8_t {
    kMember,  // to `name`, if they may take it: active, there, not full
    kPool,    // to whoever of the pool `name` is next, but not to who has it now
    kAuto,    // to whoever the model's rules and pools choose now, likewise
    kNobody,  // back into its pool's queue
  };
  std::string lead_id;
  To to = To::kAuto;
  std::string name;
  std::string reason;              // for the history
  std::optional<int64_t> version;  // as in UpdateLead
};

// Takes a lead out for good, for whoever asks to be forgotten: its records, its activities, its
// keys and the payloads of its events; what remains of it are ids. Its exclusive keys go on a list
// of keyed hashes: an import does not bring the person back, a submit does. A store on a disk may
// keep what was deleted until its file is written anew (VacuumSqliteStore).
struct EraseLead {
  std::string lead_id;
};

struct Command {
  std::string request_id;  // "" means the call's request id, "/" and the position in the list
  std::variant<Submit, LogActivity, UpdateLead, TransitionLead, AssignLead, EraseLead> body;
};

enum class Outcome : uint8_t {
  kCreated,
  kAttached,      // a known lead got it as an activity
  kFilled,        // a known lead got its empty fields filled
  kDuplicate,     // refused by an exclusive key
  kRejected,      // broke a rule
  kLogged,        // the activity is in
  kUpdated,       // the fields are as asked
  kUnchanged,     // it was so already
  kTransitioned,  // the lead is in the state
  kAssigned,      // the lead has its new owner, or waits for one
  kErased,        // the lead is gone
  kFailed         // storage or the engine itself; `status` says what, and whether to try again
};
// "created", "attached", "merged", "duplicate", "rejected", "logged", "updated", "unchanged",
// "transitioned", "assigned", "erased", "failed".
std::string_view OutcomeName(Outcome outcome);

// What happened to one command.
struct Reply {
  Outcome outcome = Outcome::kFailed;
  // OK for what was done. ALREADY_EXISTS: duplicate. INVALID_ARGUMENT: rejected, or the request id
  // was used for something else. FAILED_PRECONDITION: rejected, as the lead is now. NOT_FOUND: no
  // such lead. ABORTED: rejected, the lead is at another
  // version; read it again. UNAVAILABLE: not known whether it was done, retry with the same request
  // id. The message names the rule and what would satisfy it.
  absl::Status status;
  std::string rule;                  // of a refusal: the rule that it broke ("key email")
  std::vector<std::string> missing;  // of a refusal: fields without which it cannot be told
  std::string lead_id;               // of the lead created, changed, or (duplicate) known already
  std::string activity_id;           // when one was written
  std::vector<int64_t> positions;    // of its events in the feed
  bool replayed = false;  // this request was done before; only what is above is told again

  int64_t version = 0;  // of the lead, after the command; 0: not told
  Score score;          // after the command
  Assignment assignment;
  std::vector<KeyHit> hits;
  // What could not be read or normalised: field, original, reason.
  std::vector<Record> issues;
};

struct TickReply {
  size_t due = 0;      // leads whose score could have changed by now
  size_t changed = 0;  // of them, those whose score did
  size_t band_changed = 0;
  bool more = false;  // the limit ended it: call again
};

// ---- Reads -------------------------------------------------------------------------------------

struct LeadRecord {
  Lead lead;  // with the derived fields
  LeadState state;
};

struct ListRequest {
  std::string filter;  // an expression over `lead`; "" for all
  std::string search;  // start of a name, company, e-mail or phone; "" for all
  // A promoted field; "" for the order of the index that serves the filter. Names, companies and
  // e-mails are in the order of their folded text: case, accents and punctuation do not count.
  std::string sort;
  bool descending = false;
  size_t limit = 100;  // at most 10,000
  std::string cursor;  // of the page before; goes with the same filter, search and sort only
};
struct ListReply {
  std::vector<LeadRecord> leads;
  std::string cursor;  // "" at the end
  std::string plan;    // "index domain from "acme" to "acme"; the rest checked per lead"
  size_t scanned = 0;
};

}  // namespace leadcore

#endif  // LEADCORE_COMMANDS_H_

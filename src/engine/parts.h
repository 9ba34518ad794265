// SPDX-License-Identifier: Apache-2.0
//
// What the files of the engine share: normalising a lead, records and their index entries, and the
// preparation of one command into one batch.
#ifndef LEADCORE_SRC_ENGINE_PARTS_H_
#define LEADCORE_SRC_ENGINE_PARTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "leadcore/commands.h"
#include "leadcore/lead.h"
#include "leadcore/model.h"
#include "leadcore/store.h"

namespace leadcore {

// ---- normalize_lead.cc

struct NormalizedLead {
  Lead lead;
  std::set<FieldId> unusable;  // their values have no normal form
  // Each names the rule that refuses the lead and what would satisfy it.
  std::vector<std::string> refusals;
};
// A copy of `raw` over the model's schema, every field in its normal form; what has none keeps its
// text, with a note in data_issues.
NormalizedLead NormalizeLead(const Model& model, const Lead& raw, bool imported);
// A known lead in its normal form; what the engine decided of it, and notes about other things than
// what stands in their fields, stay.
NormalizedLead NormalizeKnownLead(const Model& model, const Lead& lead);

// ---- records.cc

inline constexpr char kKeySeparator = '\x1f';

// Fields that people search by the start of a text. One index of the folded text serves the search,
// the filters and the sort; in the order in which a search goes through them.
struct SearchForm {
  std::string_view index;
  FieldId field = 0;
};
inline constexpr SearchForm kSearchForms[] = {{"search.name", field::kFullName},
                                              {"search.company", field::kCompany},
                                              {"search.email", field::kEmail},
                                              {"search.phone", field::kPhone}};
// The form of a field; nullptr when it has none.
const SearchForm* FindSearchForm(FieldId field);
// A text of the field as the index has it; "" is not in the index.
std::string SearchText(const SearchForm& form, std::string_view text);
// As much of `start` as folds to the same whatever follows it.
std::string_view FoldableStart(std::string_view start);

// A value as one text: the entries of a list behind each other, the members of a record by name.
std::string TextOf(const Field& field, const Value& value);

// How a value stands in an index; nullopt for kinds that no index holds.
std::optional<IndexValue> ToIndexValue(const Value& value);
// The record of a lead as it stands and its index entries, of its derived part, of an activity.
std::vector<IndexEntry> LeadIndex(const Lead& lead);
Put LeadPut(const Lead& lead);
Put StatePut(std::string_view id, const LeadState& state, const Schema& schema);
Put ActivityPut(const Activity& activity);
Put MatchKeyPut(std::string_view key, std::string_view lead);

// Every record of a scan, page after page, until `sink` fails.
absl::Status ScanAll(const Snapshot& snapshot, ScanRequest scan,
                     absl::FunctionRef<absl::Status(const StoredRecord&)> sink);
// The activities of a lead.
ScanRequest ActivitiesOf(const std::string& lead);

// The put that left `body` in a record, its index entries made again.
absl::StatusOr<Put> PutOfImage(const Model& model, const RecordKey& key, std::string body);

// A lead and its state; NOT_FOUND. `bytes`, if not null, gets the size of what is stored.
absl::StatusOr<LeadRecord> ReadLead(const Model& model, const Snapshot& snapshot,
                                    std::string_view id, size_t* bytes = nullptr);
absl::StatusOr<LeadRecord> DecodeRecord(const Model& model, const StoredRecord& lead,
                                        const std::optional<StoredRecord>& state);

// The score of `lead` at `now`, written into `state` and `lead`.
void Evaluate(const Model& model, absl::Time now, Lead* lead, LeadState* state);
// The same, when time alone may have changed it.
void BringUpToDate(const Model& model, absl::Time now, LeadRecord* record);

// An event of this call; the payload is encoded by the caller.
Event MakeEvent(const Call& call, const Model& model, std::string_view type, std::string_view lead,
                std::string payload);

// Whether somebody still works on it: in an open state, not archived.
bool IsOpen(const Model& model, const Lead& lead);
// The counter in which a lead counts as an open one of its owner; "" when it does not.
std::string LoadCounterOf(const Model& model, const Lead& lead);

// ---- submit.cc, log_activity.cc, update.cc, transition.cc, assign.cc, erase.cc

// By which commands of one group depend on each other through the owner of a company's leads.
std::string DomainKey(std::string_view domain);

// The state of a lead as an activity of the group will leave it, once that is committed.
struct PendingState {
  LeadState state;
  size_t place = 0;  // of the activity's batch in its call
  std::string request_id;
};

// A lead as a submit of the group will create it, once that is committed.
struct Draft;
struct PendingLead {
  const Draft* draft = nullptr;  // lives as long as the group is put together
  size_t place = 0;              // of the submit's batch in its call
  bool exclusive = false;        // it will claim the key
};

// What the commands of a group leave for those behind them.
struct GroupNotes {
  std::map<std::string, std::vector<PendingState>> states;  // by lead, oldest first
  // By match keys, of each at most as many as a submit looks at, and by ids.
  std::unordered_multimap<std::string_view, PendingLead> created;
  // Whether those of them that were asked about were done before, by request id.
  std::unordered_map<std::string_view, bool> done;
  std::optional<std::string> suppression;  // its secret; "": nobody was erased
  bool erases = false;                     // one of them erases a lead
};

// Where one command reads and what it may know of others in its group.
struct Scene {
  const Model& model;
  const Call& call;
  const Store& store;
  std::string_view workspace;
  const Snapshot& snapshot;
  size_t place;  // that this command's batch will have in its call
  GroupNotes* notes;
};

// A command decided: the reply as far as it is known, and what has to be committed for it.
struct Prepared {
  std::shared_ptr<Reply> reply = std::make_shared<Reply>();  // finish completes it
  std::optional<Batch> batch;                                // none: refused, nothing is written
  // Match keys, leads and domains by which it depends on other commands. One that shares any with a
  // command of its group has to wait for the commit; a submit does not wait for leads that are
  // created, of which the group's notes tell.
  std::vector<std::string> keys;
  std::vector<size_t> after;  // of a refusal: the batches of its group that it comes from
  size_t bytes = 0;           // of the command's content
  bool changes_lead = false;  // a known one, beside its state
  bool wait = false;          // it depends on something of its group that it does not know
};
absl::StatusOr<Prepared> PrepareCommand(const Scene& scene, const std::string& request_id,
                                        const Submit& submit);
absl::StatusOr<Prepared> PrepareCommand(const Scene& scene, const std::string& request_id,
                                        const LogActivity& log);
absl::StatusOr<Prepared> PrepareCommand(const Scene& scene, const std::string& request_id,
                                        const UpdateLead& update);
absl::StatusOr<Prepared> PrepareCommand(const Scene& scene, const std::string& request_id,
                                        const TransitionLead& transition);
absl::StatusOr<Prepared> PrepareCommand(const Scene& scene, const std::string& request_id,
                                        const AssignLead& assign);
absl::StatusOr<Prepared> PrepareCommand(const Scene& scene, const std::string& request_id,
                                        const EraseLead& erase);

// The batch of an activity that is added to a known lead; completes `prepared`.
absl::Status AddActivity(const Scene& scene, const std::string& request_id, Activity activity,
                         LeadRecord record, Prepared* prepared);

// ---- change.cc

// Of an event that tells of a command after which all is as it was.
inline constexpr std::string_view kUnchangedType = "unchanged";

// A known lead as it is and as it will be.
struct Change {
  std::string type;                                          // of the event
  std::vector<std::pair<std::string, std::string>> details;  // of the event
  LeadRecord before;
  LeadRecord after;                  // its score is made here
  std::optional<Activity> activity;  // of which it comes
  bool moves_by_itself = true;       // automatic moves of the lifecycle follow
  // An exclusive key that another lead holds refuses it, where the model rejects such leads; else
  // it is kept as a candidate.
  bool insists = false;
};
// The batch of a change, with the keys and the load that follow from it; completes `prepared`,
// whose outcome and hits are set.
absl::Status PrepareChange(const Scene& scene, const std::string& request_id, Change change,
                           Prepared* prepared);

// ---- transition.cc

// Puts a lead into a state, with what goes with it.
void EnterState(const StateConfig& state, int64_t now, Lead* lead);
// ABORTED unless `version` is none or the lead's; only then is it asked what is in conflict.
absl::Status CheckVersion(const Lead& lead, const std::optional<int64_t>& version,
                          absl::FunctionRef<std::string()> conflicts);

// ---- erase.cc

inline constexpr std::string_view kErasedType = "erased";

// Everything that a workspace keeps of a lead.
struct ErasurePlan {
  std::vector<Check> checks;
  std::vector<RecordKey> deletes;
  std::vector<Claim> releases;
  std::vector<int64_t> events;  // positions of those about it
  std::string load;             // the counter in which it counts; "" for none
};
absl::Status CollectErasure(const Model& model, const Store& store, std::string_view workspace,
                            const Snapshot& snapshot, const LeadRecord& record, ErasurePlan* plan);
absl::Status CollectEvents(const Store& store, std::string_view workspace, std::string_view lead,
                           std::vector<int64_t>* positions);
// Whether a person with this key was erased; `checks` gets what has to hold still for "no" when it
// is committed.
absl::StatusOr<bool> Suppressed(const Scene& scene, std::string_view key,
                                std::vector<Check>* checks);

// ---- tick.cc

// What evaluating a lead again changed.
struct Rescored {
  bool score = false;
  bool band = false;
  bool outlook = false;  // until when it holds, or the groups that it is made of
};
// Evaluates `record` at call.now; the batch puts its state.
Batch RescoreBatch(const Model& model, const Call& call, LeadRecord record, Rescored* what);

// ---- open.cc

// What an engine answers whose model is not the workspace's any more.
absl::Status Superseded(const Model& model);

// ---- replies

// The reply of a refused command.
void Refuse(Outcome outcome, absl::StatusCode code, std::string message, Reply* reply);
// The same of a command that breaks a rule, with what is prepared of it so far.
Prepared Rejected(const absl::Status& status, Prepared prepared);

std::string RememberedOutcome(const Reply& reply);

}  // namespace leadcore

#endif  // LEADCORE_SRC_ENGINE_PARTS_H_

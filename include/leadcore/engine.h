// SPDX-License-Identifier: Apache-2.0
//
// Engine: leads go in, are normalised, found or made, scored, routed and kept; what happened can be
// read and explained.
//
// A command reads a snapshot, decides in pure code, and makes one conditional batch. Where another
// caller was faster, it reads and decides again; a command that lost several times goes on alone,
// so that it is not the last one for ever. An Engine is safe to use from any number of threads; it
// keeps nothing between calls but the model and copies of leads that were read lately (those that
// are still true, as the store tells), so any number of engines of one model may share a store.
// Once another model is being published, engines of the older one write nothing any more: their
// commands fail with FAILED_PRECONDITION, to be tried again, with the same request ids, on an
// engine that is opened anew.
//
// Where memory runs out, a call answers RESOURCE_EXHAUSTED or throws std::bad_alloc, the only
// exception there is. Thrown out of a command it means what UNAVAILABLE means: not known whether it
// was done, retry with the same request ids. Nothing is half done, and engine and store work on.
#ifndef LEADCORE_ENGINE_H_
#define LEADCORE_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "leadcore/commands.h"
#include "leadcore/lead.h"
#include "leadcore/model.h"
#include "leadcore/store.h"

namespace leadcore {

class LeadCache;
class Turnstile;

struct EngineOptions {
  // nullptr: the model published in the workspace, else the built-in default.
  std::shared_ptr<const Model> model;
  std::string workspace = "default";
  bool read_only = false;  // publishes nothing; commands are refused
  // How many leads that were read lately are kept in memory, ready for Get and Find, a few KB each;
  // 0: none. Works where the store owns its data (Store::Stamp).
  size_t cached_leads = 4096;
};

class Engine {
 public:
  // Publishes the model by content hash when it is new. Brings leads up to it, and up to this
  // program's normaliser: fields, keys, index entries, scores and activity summaries are made again
  // where they changed, in pages of 500 leads. After a crash or an error the next Open goes on from
  // where it was (without a model of its own: to the model that was being published).
  // FAILED_PRECONDITION lists what blocks it: statuses in use that it lacks, custom fields that a
  // published model has with another type. (A choice or a field that it lacks blocks nothing: the
  // values stay.) `store` is borrowed and must outlive the engine.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(EngineOptions options, Store* store,
                                                      const Call& call);
  ~Engine();

  const Model& model() const { return *model_; }
  const std::shared_ptr<const Model>& shared_model() const { return model_; }

  // One reply per command; one failing command never fails its neighbours. The result is that of
  // applying them one by one, in order; they share commits (one fsync for many).
  std::vector<Reply> ApplyMany(const Call& call, std::span<const Command> commands);
  Reply Apply(const Call& call, Command command);
  Reply SubmitLead(const Call& call, Lead lead);
  Reply Log(const Call& call, Activity activity);

  // Evaluates the leads again whose score may have changed by `call.now` by time alone, at most
  // `limit` of them, oldest first. Every change is an event.
  absl::StatusOr<TickReply> Tick(const Call& call, size_t limit);

  // Scores as of call.now. NOT_FOUND when there is no such lead.
  absl::StatusOr<LeadRecord> Get(const Call& call, std::string_view id) const;

  // The lead with this value in `field`, by a key of the model that is made of that field alone
  // (email, external_id, phone): who claims it, else the first of those that share it. As Get.
  // NOT_FOUND when nobody has it, INVALID_ARGUMENT when the model has no such key.
  absl::StatusOr<LeadRecord> Find(const Call& call, std::string_view field,
                                  std::string_view value) const;

  // Sorted by score it is exact as of the last Tick. INVALID_ARGUMENT for a bad filter, sort or
  // cursor says what is wrong.
  absl::StatusOr<ListReply> List(const Call& call, const ListRequest& request) const;

  // Which rules matched and which did not, for a lead as it is now.
  absl::StatusOr<std::vector<RuleTrace>> Explain(const Call& call, std::string_view id) const;

  // Events after a position, oldest first, until `sink` returns false or `limit` were told; about
  // one lead, or all ("").
  absl::Status Feed(const Call& call, const FeedRequest& request,
                    absl::FunctionRef<bool(const Event&)> sink) const;
  // Everything that happened to one lead, oldest first.
  absl::StatusOr<std::vector<Event>> History(const Call& call, std::string_view id) const;

  // Forgets request ids older than 30 days.
  absl::Status Maintain(const Call& call);

 private:
  Engine(EngineOptions options, Store* store, std::shared_ptr<const Model> model, int64_t epoch);

  // A lead as it is, its score as it was last evaluated.
  absl::StatusOr<std::shared_ptr<const LeadRecord>> Known(std::string_view id) const;

  Store* const store_;
  const std::string workspace_;
  const bool read_only_;
  const std::shared_ptr<const Model> model_;
  const int64_t epoch_;  // rises whenever a model is published
  const std::unique_ptr<LeadCache> cache_;
  const std::unique_ptr<Turnstile> turnstile_;
};

// The score that a lead would have at `now` if it came in with nothing known of it, without a
// store: a normalised copy is evaluated. `trace`, if not null, gets one entry per rule.
Score ScoreLead(const Model& model, const Lead& lead, absl::Time now,
                std::vector<RuleTrace>* trace = nullptr);

// Runs the model's own tests (ModelTest), each on an engine and memory store of its own: one fault
// for each expectation that does not hold, with the path of it ("tests[2].expect.score").
Faults RunModelTests(const std::shared_ptr<const Model>& model);

}  // namespace leadcore

#endif  // LEADCORE_ENGINE_H_

// SPDX-License-Identifier: Apache-2.0
//
// Commands become batches, batches are committed in groups, lost races are decided again.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>
#include <unordered_set>
#include <utility>

#include "engine/migrate.h"
#include "engine/parts.h"
#include "engine/turnstile.h"
#include "leadcore/codec.h"
#include "leadcore/engine.h"
#include "store/seal.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kLargestGroup = 10'000;
constexpr size_t kMostBytesOfGroup = 64 << 20;
// Each lost race means that another caller's commit went through, so this many in a row means that
// the store is at fault, or that other engines of the workspace never rest.
constexpr int kMostAttempts = 100;
// So often a command is decided again beside others before it takes the turn.
constexpr int kFreeAttempts = 4;
// What commands.h says of commands.
constexpr size_t kMostBytes = size_t{2} << 20;
constexpr size_t kMostItems = 1000;
constexpr size_t kLongestName = 1024;  // of a request or an actor

constexpr std::string_view kOutcomeNames[] = {"created",      "attached", "merged",  "duplicate",
                                              "rejected",     "logged",   "updated", "unchanged",
                                              "transitioned", "assigned", "erased",  "failed"};

std::string ContentOf(const Submit& submit) {
  return Cat(submit.imported ? "import" : "submit", '\0',
             EncodeLead(submit.lead, LeadForm::kComplete));
}
std::string ContentOf(const LogActivity& log) {
  return Cat("log", '\0', log.external_id, '\0', log.email, '\0', EncodeActivity(log.activity));
}
std::string ContentOf(const UpdateLead& update) {
  std::string content = Cat("update", '\0', update.lead_id, '\0', update.version.value_or(-1));
  for (const std::string& name : update.fields) content += Cat('\0', name);
  return Cat(content, '\0', EncodeLead(update.values, LeadForm::kComplete));
}
std::string ContentOf(const TransitionLead& move) {
  return Cat("transition", '\0', move.lead_id, '\0', move.version.value_or(-1), '\0', move.to, '\0',
             move.reason, '\0', move.override_reason);
}
std::string ContentOf(const AssignLead& assign) {
  return Cat("assign", '\0', assign.lead_id, '\0', assign.version.value_or(-1), '\0',
             static_cast<int>(assign.to), '\0', assign.name, '\0', assign.reason);
}
std::string ContentOf(const EraseLead& erase) { return Cat("erase", '\0', erase.lead_id); }

// `size`, if not null: of the content.
std::string Fingerprint(const Command& command, size_t* size = nullptr) {
  const std::string content =
      std::visit([](const auto& body) { return ContentOf(body); }, command.body);
  if (size != nullptr) *size = content.size();
  const XXH128_hash_t hash = XXH3_128bits(content.data(), content.size());
  char hex[40];
  std::snprintf(hex, sizeof(hex), "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return hex;
}

// What is stored must be readable again, and go through the feed as text.
absl::Status CheckFit(const std::string& request_id, const Command& command, size_t bytes) {
  if (request_id.size() > kLongestName || !IsUtf8(request_id)) {
    return InvalidArgument("a request id is UTF-8 of at most ", kLongestName,
                           " bytes; give binary ids as hexadecimal digits");
  }
  if (bytes > kMostBytes) {
    return InvalidArgument("the command has ", bytes, " bytes; at most ", kMostBytes, " are taken");
  }
  const auto* submit = std::get_if<Submit>(&command.body);
  const auto* update = std::get_if<UpdateLead>(&command.body);
  if (submit == nullptr && update == nullptr) return absl::OkStatus();
  const Lead& lead = submit != nullptr ? submit->lead : update->values;
  for (const Value& value : lead.values()) {
    const bool texts = value.kind() == Value::Kind::kTextList;
    const bool records = value.kind() == Value::Kind::kRecordList;
    const size_t size = texts ? value.texts().size() : records ? value.records().size() : 0;
    if (size <= kMostItems) continue;
    return InvalidArgument("a list has ", size, " entries; at most ", kMostItems, " are taken");
  }
  return absl::OkStatus();
}

Reply Failed(const absl::Status& status) {
  Reply reply;
  reply.outcome = Outcome::kFailed;
  reply.status = status;
  return reply;
}

Reply Reused(const std::string& request_id) {
  Reply reply;
  Refuse(Outcome::kRejected, absl::StatusCode::kInvalidArgument,
         Cat("request id '", request_id,
             "' was used for another request already; use a new one for new content"),
         &reply);
  return reply;
}

// What was told the first time.
Reply Remembered(const std::string& stored, const std::vector<int64_t>& positions) {
  const absl::StatusOr<CommandOutcome> outcome = DecodeCommandOutcome(stored);
  if (!outcome.ok()) return Failed(outcome.status());
  Reply reply;
  const auto at = std::find(std::begin(kOutcomeNames), std::end(kOutcomeNames), outcome->code);
  reply.outcome = at == std::end(kOutcomeNames)
                      ? Outcome::kFailed
                      : static_cast<Outcome>(at - std::begin(kOutcomeNames));
  if (!outcome->ids.empty()) reply.lead_id = outcome->ids[0];
  if (outcome->ids.size() > 1) reply.activity_id = outcome->ids[1];
  reply.positions = positions;
  reply.replayed = true;
  return reply;
}

// One caller's commands on their way through the store.
class Applier {
 public:
  Applier(const Model& model, int64_t epoch, Store* store, Turnstile* turnstile,
          std::string_view workspace, const Call& call, std::span<const Command> commands)
      : model_(model),
        epoch_(epoch),
        store_(store),
        turnstile_(*turnstile),
        workspace_(workspace),
        call_(call),
        commands_(commands) {
    replies_.resize(commands.size());
    for (size_t i = 0; i < commands.size(); ++i) {
      request_ids_.push_back(commands[i].request_id.empty() ? Cat(call.request_id, "/", i)
                                                            : commands[i].request_id);
    }
  }

  std::vector<Reply> Run() {
    size_t next = 0;
    while (next < commands_.size()) next = Group(next);
    return std::move(replies_);
  }

 private:
  // `place`: of its batch in the call of Store::Commit.
  absl::StatusOr<Prepared> Prepare(size_t at, const Snapshot& snapshot, size_t place,
                                   GroupNotes* notes) {
    const Scene scene{model_, call_, *store_, workspace_, snapshot, place, notes};
    const Command& command = commands_[at];
    size_t bytes = 0;
    std::string fingerprint = Fingerprint(command, &bytes);
    const absl::Status fit = CheckFit(request_ids_[at], command, bytes);
    if (!fit.ok()) {
      Prepared refused;
      Refuse(Outcome::kRejected, fit.code(), std::string(Message(fit)), refused.reply.get());
      return refused;
    }
    absl::StatusOr<Prepared> prepared =
        std::visit([&](const auto& body) { return PrepareCommand(scene, request_ids_[at], body); },
                   command.body);
    if (prepared.ok() && prepared->batch) {
      prepared->bytes = bytes;
      prepared->batch->fingerprint = std::move(fingerprint);
      prepared->batch->checks.push_back({MetaEpoch(), epoch_});
    }
    return prepared;
  }

  // Commits as many commands from `first` on as do not depend on each other; the first one that
  // does starts the next group, so that the order of decisions is the order of commands.
  size_t Group(size_t first) {
    turnstile_.Pass();
    absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store_->Read(workspace_);
    if (!snapshot.ok()) {
      for (size_t i = first; i < commands_.size(); ++i) replies_[i] = Failed(snapshot.status());
      return commands_.size();
    }
    std::vector<Decided> decided;
    std::vector<Batch> batches;
    GroupNotes notes;
    std::unordered_set<std::string> written;
    std::set<std::string_view> requests;
    size_t at = first;
    size_t bytes = 0;
    for (; at < commands_.size() && at - first < kLargestGroup && bytes < kMostBytesOfGroup; ++at) {
      // What becomes of the second one depends on whether the first was done.
      if (!requests.insert(request_ids_[at]).second) break;
      absl::StatusOr<Prepared> prepared = Prepare(at, **snapshot, batches.size(), &notes);
      if (!prepared.ok()) {
        // Its notes may be half made.
        replies_[at++] = Failed(prepared.status());
        break;
      }
      // A submit knows of the leads that the group creates.
      const bool submit = std::holds_alternative<Submit>(commands_[at].body);
      const auto shared = [&](const std::string& key) {
        return written.count(key) != 0 || (!submit && notes.created.count(key) != 0);
      };
      if (at > first &&
          (prepared->wait || std::any_of(prepared->keys.begin(), prepared->keys.end(), shared))) {
        break;
      }
      if (!prepared->batch) {
        decided.push_back({at, std::move(prepared->reply), kNoPlace, std::move(prepared->after)});
        continue;
      }
      if (prepared->changes_lead || !std::holds_alternative<LogActivity>(commands_[at].body)) {
        const bool noted = prepared->reply->outcome == Outcome::kCreated;
        for (std::string& key : prepared->keys) {
          if (noted && notes.created.count(key) != 0) continue;
          written.insert(std::move(key));
        }
      }
      bytes += prepared->bytes;
      decided.push_back({at, std::move(prepared->reply), batches.size(), {}});
      batches.push_back(*std::move(prepared->batch));
    }
    snapshot->reset();
    Commit(decided, batches);
    return at;
  }

  static constexpr size_t kNoPlace = static_cast<size_t>(-1);
  struct Decided {
    size_t at = 0;
    std::shared_ptr<Reply> reply;
    size_t place = kNoPlace;    // of its batch
    std::vector<size_t> after;  // of a refusal: the batches that it comes from
  };

  // A refusal may come from what this very request did before.
  Reply Refused(size_t at, const Reply& refusal) {
    const absl::StatusOr<std::optional<StoredOutcome>> known =
        store_->FindOutcome(workspace_, request_ids_[at]);
    if (!known.ok()) return Failed(known.status());
    if (!*known) return refusal;
    // Of an erased request nobody can tell any more what it was.
    const std::string& fingerprint = (*known)->fingerprint;
    if (!fingerprint.empty() && fingerprint != Fingerprint(commands_[at])) {
      return Reused(request_ids_[at]);
    }
    return Remembered((*known)->reply, (*known)->positions);
  }

  void Commit(const std::vector<Decided>& decided, const std::vector<Batch>& batches) {
    std::vector<CommitResult> results(batches.size());
    const absl::Status status =
        batches.empty() ? absl::OkStatus() : store_->Commit(workspace_, batches, results);
    for (const Decided& one : decided) {
      const bool refused = one.place == kNoPlace;
      if (!status.ok() && (!refused || !one.after.empty())) {
        replies_[one.at] = Failed(status);
      } else if (refused ? !SettleRefusal(one, results)
                         : !Settle(one.at, *one.reply, results[one.place])) {
        Again(one.at);
      }
    }
  }

  // False when what the refusal came from lost its race.
  bool SettleRefusal(const Decided& refusal, std::span<const CommitResult> results) {
    if (!AllCommitted(results, refusal.after)) return false;
    replies_[refusal.at] = Refused(refusal.at, *refusal.reply);
    return true;
  }

  // False when the race was lost and has to be decided again.
  bool Settle(size_t at, Reply& reply, CommitResult& result) {
    switch (result.code) {
      case CommitResult::Code::kCommitted:
        reply.positions = std::move(result.positions);
        replies_[at] = std::move(reply);
        return true;
      case CommitResult::Code::kReplayed:
        replies_[at] = Remembered(result.reply, result.positions);
        return true;
      case CommitResult::Code::kReused:
        replies_[at] = Reused(request_ids_[at]);
        return true;
      case CommitResult::Code::kStale:
        if (result.key != MetaEpoch()) return false;
        replies_[at] = Failed(Superseded(model_));
        return true;
      case CommitResult::Code::kClaimHeld:
        return false;
    }
    return false;
  }

  void Again(size_t at) {
    std::optional<Turnstile::Turn> turn;
    for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
      if (attempt < kFreeAttempts) turnstile_.Pass();
      if (attempt == kFreeAttempts) turn.emplace(&turnstile_);
      absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store_->Read(workspace_);
      if (!snapshot.ok()) {
        replies_[at] = Failed(snapshot.status());
        return;
      }
      GroupNotes notes;
      absl::StatusOr<Prepared> prepared = Prepare(at, **snapshot, 0, &notes);
      snapshot->reset();
      if (!prepared.ok()) {
        replies_[at] = Failed(prepared.status());
        return;
      }
      if (!prepared->batch) {
        replies_[at] = Refused(at, *prepared->reply);
        return;
      }
      CommitResult result;
      const absl::Status status =
          store_->Commit(workspace_, std::span(&*prepared->batch, 1), std::span(&result, 1));
      if (!status.ok()) {
        replies_[at] = Failed(status);
        return;
      }
      if (Settle(at, *prepared->reply, result)) return;
    }
    replies_[at] = Failed(absl::AbortedError(ToAbsl(
        Cat("lost ", kMostAttempts, " races in a row; try again with the same request id"))));
  }

  const Model& model_;
  const int64_t epoch_;
  Store* const store_;
  Turnstile& turnstile_;
  const std::string_view workspace_;
  const Call& call_;
  const std::span<const Command> commands_;
  std::vector<std::string> request_ids_;
  std::vector<Reply> replies_;
};

}  // namespace

std::string_view OutcomeName(Outcome outcome) {
  return kOutcomeNames[static_cast<size_t>(outcome)];
}

std::vector<Reply> Engine::ApplyMany(const Call& call, std::span<const Command> commands) {
  absl::Status refusal;
  if (read_only_) {
    refusal = absl::FailedPreconditionError("the engine was opened for reading only");
  } else if (call.now == absl::InfiniteFuture() || call.now == absl::InfinitePast()) {
    refusal = absl::InvalidArgumentError("call.now is infinite; give the time of the call");
  } else if (!IsUtf8(call.actor) || call.actor.size() > kLongestName) {
    refusal = InvalidArgument("call.actor is UTF-8 of at most ", kLongestName, " bytes");
  }
  const bool named = std::all_of(commands.begin(), commands.end(), [](const Command& command) {
    return !command.request_id.empty();
  });
  if (call.request_id.empty() && !named) {
    refusal = absl::InvalidArgumentError(
        "call.request_id is empty; give each request an id of its own, and the same id when it is "
        "tried again");
  }
  if (!refusal.ok()) return std::vector<Reply>(commands.size(), Failed(refusal));
  return Applier(*model_, epoch_, store_, turnstile_.get(), workspace_, call, commands).Run();
}

Reply Engine::Apply(const Call& call, Command command) {
  if (command.request_id.empty()) command.request_id = call.request_id;
  return ApplyMany(call, std::span(&command, 1)).front();
}

Reply Engine::SubmitLead(const Call& call, Lead lead) {
  return Apply(call, {"", Submit{std::move(lead)}});
}

Reply Engine::Log(const Call& call, Activity activity) {
  return Apply(call, {"", LogActivity{std::move(activity), "", ""}});
}

}  // namespace leadcore

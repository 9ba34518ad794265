// SPDX-License-Identifier: Apache-2.0
//
// Every allocation fails, SQLite's and those of C++, once and from then on: each call says so, by a
// status or by std::bad_alloc, and is right when it is made again; nothing is lost, done twice,
// half done or held for ever.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "fault_host.h"
#include "forks.h"
#include "store_decorator.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

// What fails once the allocation is reached that shall fail.
enum class Failing {
  kOne,   // that one only
  kKind,  // it and all that follow of its kind
  kAll,   // it and all that follow
};
enum class Kind { kCpp, kSqlite };

// Of one thread.
struct Allocations {
  bool armed = false;
  Failing failing = Failing::kOne;
  int64_t at = kNever;
  int64_t count = 0;  // while armed
  Kind kind = Kind::kCpp;
  int64_t live = 0;
  // Told, when it is set, of each allocation before the one that fails; may settle on that one.
  void (*before)(void* context, int64_t number) = nullptr;
  void* context = nullptr;

  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  bool fired() const { return count > at; }
  bool Fails(Kind now) {
    if (!armed || at_the_disk > 0) return false;
    const int64_t number = count++;
    if (before != nullptr && number < at) {
      armed = false;
      before(context, number);
      armed = true;
    }
    if (number == at) kind = now;
    if (number < at) return false;
    return number == at || failing == Failing::kAll || (failing == Failing::kKind && now == kind);
  }
};
thread_local Allocations allocations;

// Lets allocations fail for as long as it lives.
class Armed {
 public:
  Armed(Failing failing, int64_t at) {
    allocations.failing = failing;
    allocations.at = at;
    allocations.count = 0;
    allocations.armed = true;
  }
  // Which one fails `before` settles on.
  Armed(void (*before)(void* context, int64_t number), void* context)
      : Armed(Failing::kOne, Allocations::kNever) {
    allocations.before = before;
    allocations.context = context;
  }
  ~Armed() {
    allocations.armed = false;
    allocations.before = nullptr;
  }
  Armed(const Armed&) = delete;
  Armed& operator=(const Armed&) = delete;
};

sqlite3_mem_methods sqlite_memory;

void* SqliteMalloc(int size) {
  if (allocations.Fails(Kind::kSqlite)) return nullptr;
  ++allocations.live;
  return sqlite_memory.xMalloc(size);
}
void* SqliteRealloc(void* memory, int size) {
  return allocations.Fails(Kind::kSqlite) ? nullptr : sqlite_memory.xRealloc(memory, size);
}
void SqliteFree(void* memory) {
  if (memory != nullptr) --allocations.live;
  sqlite_memory.xFree(memory);
}

// No stocks: each piece is asked for where it is needed.
void TakeOverSqlite() {
  ASSERT_EQ(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory), SQLITE_OK);
  sqlite3_mem_methods ours = sqlite_memory;
  ours.xMalloc = SqliteMalloc;
  ours.xRealloc = SqliteRealloc;
  ours.xFree = SqliteFree;
  ASSERT_EQ(sqlite3_config(SQLITE_CONFIG_MALLOC, &ours), SQLITE_OK);
  ASSERT_EQ(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0), SQLITE_OK);
  ASSERT_EQ(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
  ASSERT_EQ(sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0), SQLITE_OK);
}

// ---- What is done -------------------------------------------------------------------------------

// One call of the workload, and what comes of it.
struct Act {
  std::string name;  // "": nothing fails in it
  std::function<absl::StatusOr<std::string>(Host& host)> run;
  std::string answer = {};
  std::vector<std::string> dump = {};
};

// What a request is told the first time and again.
std::string AnswerOf(const Reply& reply) {
  std::string text =
      std::string(OutcomeName(reply.outcome)) + " " + reply.lead_id + " " + reply.activity_id;
  for (const int64_t position : reply.positions) text += " " + std::to_string(position);
  return text;
}

absl::StatusOr<std::string> Do(Host& host, const Step& step) {
  const Reply reply = host.Apply(step);
  if (reply.outcome == Outcome::kFailed) return reply.status;
  return AnswerOf(reply);
}

absl::StatusOr<std::string> OpenIt(Host& host) {
  const absl::Status status = host.Open();
  return status.ok() ? absl::StatusOr<std::string>("open") : status;
}

// Reads in every way.
absl::StatusOr<std::string> ReadAll(Host& host) {
  const Call call{FromMicros(kStart + 3 * kDay), "tester", "", ""};
  std::string text;
  for (const char* filter : {"", "lead.country == 'US' && lead.employee_count >= 20"}) {
    ListRequest request;
    request.filter = filter;
    const auto list = host.engine().List(call, request);
    if (!list.ok()) return list.status();
    for (const LeadRecord& lead : list->leads) {
      text += std::string(lead.lead.id()) + " " + std::to_string(lead.state.score.total) + "\n";
    }
    if (list->leads.empty()) continue;
    const std::string id(list->leads.front().lead.id());
    const auto trace = host.engine().Explain(call, id);
    if (!trace.ok()) return trace.status();
    const auto history = host.engine().History(call, id);
    if (!history.ok()) return history.status();
    text += std::to_string(trace->size()) + " " + std::to_string(history->size()) + "\n";
  }
  const absl::Status status = host.engine().Feed(call, {}, [&](const Event& event) {
    text += event.type + event.chain;
    return true;
  });
  if (!status.ok()) return status;
  const auto outcome = host.store().FindOutcome("test", "request-0");
  if (!outcome.ok()) return outcome.status();
  return text + (*outcome ? (*outcome)->reply : "none");
}

absl::StatusOr<std::string> TickIt(Host& host) {
  const Call call{FromMicros(kStart + 30 * kDay), "tester", "tick", ""};
  const absl::StatusOr<TickReply> reply = host.engine().Tick(call, 1000);
  return reply.ok() ? absl::StatusOr<std::string>("") : reply.status();
}

// A first lead with an activity: most columns are made for them.
absl::StatusOr<std::string> Begin(Host& host) {
  const absl::Time now = FromMicros(kStart);
  Fields fields = {{"full_name", "Ada Byron"},
                   {"email", "ada@people.example.com"},
                   {"country", "DE"},
                   {"employee_count", "20"},
                   {"phone", "+14155550100"},
                   {"external_id", "crm-ada"},
                   {"plan", "gold"}};
  const absl::StatusOr<std::string> made =
      Do(host, {now, {"first", Submit{MakeLead(host.model(), fields)}}});
  if (!made.ok()) return made;
  LogActivity log;
  log.activity = MakeActivity("", "page_view");
  log.email = "ada@people.example.com";
  return Do(host, {now, {"second", std::move(log)}});
}

// Acts in order, each on what the ones before left.
struct Play {
  std::shared_ptr<const Model> model;
  std::vector<Act> acts;
};

// `whole`: a new database is met by the commands as it is, where the first ones make a column for
// each field; else one that has most of them.
Play MakePlay(uint64_t seed, size_t commands, bool whole) {
  Play play;
  const Work work = MakeWork(seed, commands);
  play.model = work.model;
  std::vector<Step> steps;
  for (const Part& part : work.parts) {
    steps.insert(steps.end(), part.steps.begin(), part.steps.end());
  }
  play.acts.push_back({"making it", OpenIt});
  if (!whole) play.acts.push_back({"", Begin});
  for (size_t i = 0; i < commands; ++i) {
    play.acts.push_back(
        {"command " + std::to_string(i), [step = steps[i]](Host& host) { return Do(host, step); }});
  }
  play.acts.push_back({"reading", ReadAll});
  play.acts.push_back({"a tick", TickIt});
  if (whole) play.acts.push_back({"closing and opening it", OpenIt});
  FakeDisk disk("alloc-clean");
  Host host(&disk, play.model);
  for (Act& act : play.acts) {
    const absl::StatusOr<std::string> answer = act.run(host);
    EXPECT_TRUE(answer.ok()) << act.name << ": " << answer.status();
    act.answer = answer.value_or("");
    act.dump = DumpOf(host.store(), "test");
  }
  return play;
}

// ---- What must hold -----------------------------------------------------------------------------

bool Typed(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status);
}

// Plays. Before each allocation of an act this process is copied, and the allocation fails in the
// copies: all begin with what the acts and allocations before have left.
class Player {
 public:
  Player(const Play& play, const std::string& name, int64_t step, Host::Wrap wrap = nullptr)
      : play_(play), step_(step), disk_(name), host_(&disk_, play.model, std::move(wrap)) {
    // What is noted of runs takes no memory while they are compared.
    running_.reserve(kAtOnce);
    first_.reserve(kLongestTold);
  }

  void Run() {
    // What is made once per process is made.
    EXPECT_TRUE(host_.Open().ok());
    host_.Close();
    disk_.Restore({});
    live_ = allocations.live;
    for (const Act& act : play_.acts) {
      act_ = &act;
      const std::string fault = Do(act);
      if (told_ >= 0) {
        const bool told = write(told_, fault.data(), fault.size()) >= 0;
        _exit(told && !::testing::Test::HasFailure() ? 0 : 1);
      }
      EXPECT_EQ(fault, "") << act.name;
      while (!running_.empty()) Collect();
    }
  }

  size_t allocations_seen() const { return allocations_; }
  size_t runs() const { return runs_; }
  size_t bad() const { return bad_; }
  const std::string& first() const { return first_; }  // what was wrong first

 private:
  static constexpr size_t kAtOnce = 2;

  struct Running {
    Copy copy;
    Failing failing;
    int64_t at;
  };

  static void Before(void* player, int64_t number) { static_cast<Player*>(player)->Split(number); }

  // Makes the copies in which an allocation fails.
  void Split(int64_t number) {
    if (number % step_ != 0) return;
    ++allocations_;
    for (const Failing failing : {Failing::kOne, Failing::kAll, Failing::kKind}) {
      if (failing == Failing::kKind && number % 16 != 0) continue;
      if (running_.size() == kAtOnce) Collect();
      if (!Start(failing, number)) continue;
      allocations.failing = failing;
      allocations.at = number;
      return;
    }
  }

  // True in the copy.
  bool Start(Failing failing, int64_t at) {
    const Copy copy = MakeCopy();
    if (copy.pid == 0) {
      told_ = copy.lines;
      return true;
    }
    running_.push_back({copy, failing, at});
    return false;
  }

  // The end of the one that was started first.
  void Collect() {
    const Running run = running_.front();
    running_.erase(running_.begin());
    char text[kLongestTold];
    size_t size = 0;
    const int status = Hear(run.copy, text, &size);
    std::string fault(text, size);
    if (status != 0) fault = "died: " + std::to_string(status);
    ++runs_;
    if (fault.empty()) return;
    ++bad_;
    if (!first_.empty()) return;
    first_.append(act_->name).append(", allocation ").append(std::to_string(run.at));
    first_.append(", ").append(std::to_string(static_cast<int>(run.failing)));
    first_.append(": ").append(fault, 0, kLongestTold / 2);
  }

  // "" when all is well. What takes long is done every few times. To close takes no memory.
  std::string Do(const Act& act) {
    std::string fault = Fail(act);
    if (told_ < 0 || allocations.at % 8 != 4) return fault;
    {
      const Armed armed(Failing::kAll, 0);
      host_.Close();
    }
    disk_.Restore({});
    if (fault.empty() && allocations.live != live_) {
      fault = std::to_string(allocations.live - live_) + " pieces of memory are left";
    }
    return fault;
  }

  std::string Fail(const Act& act) {
    absl::StatusOr<std::string> answer = absl::ResourceExhaustedError("thrown");
    try {
      if (act.name.empty()) {
        answer = act.run(host_);
      } else {
        const Armed armed(Before, this);
        answer = act.run(host_);
      }
    } catch (const std::bad_alloc&) {
    }
    const bool copied = told_ >= 0;
    const int64_t at = allocations.at;
    if (!answer.ok() && copied) {
      if (!Typed(answer.status())) return "untyped: " + std::string(answer.status().ToString());
      // Going on with the store that failed is as good as opening it again.
      if (at % 8 < 2 || !host_.open()) {
        const absl::Status status = host_.Open();
        if (!status.ok()) return "does not open: " + std::string(status.ToString());
      }
      answer = act.run(host_);
    }
    if (!answer.ok()) return "never done: " + std::string(answer.status().ToString());
    if (*answer != act.answer) return "another answer: " + *answer;
    return copied ? Differs(host_.store(), act.dump, at % 8 == 2) : "";
  }

  const Play& play_;
  const int64_t step_;
  FakeDisk disk_;
  Host host_;
  int64_t live_ = 0;  // pieces of memory while nothing is open
  std::vector<Running> running_;
  const Act* act_ = nullptr;
  int told_ = -1;  // in a copy: where it says what is wrong
  size_t allocations_ = 0, runs_ = 0, bad_ = 0;
  std::string first_;
};

class AllocFault : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { TakeOverSqlite(); }
};

TEST_F(AllocFault, EachCallSaysSoAndIsRightTheNextTime) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(seed);
  const bool all = std::getenv("LEADCORE_LONG") != nullptr;
  const Play play = MakePlay(seed, all ? 60 : 10, all);
  Player player(play, "alloc", static_cast<int64_t>(10 / Scaled(10)));
  player.Run();
  std::cout << player.allocations_seen() << " allocations, " << player.runs() << " runs, "
            << player.bad() << " bad, seed " << seed << "\n";
  EXPECT_EQ(player.bad(), 0u) << player.first();
}

// Under a file of the system, where there is a lock.
TEST_F(AllocFault, NobodyKeepsTheOwnerLock) {
  const Folder folder;
  SqliteOptions options;
  options.path = folder / "leads.db";
  ASSERT_TRUE(OpenSqliteStore(options).ok());
  int64_t at = 0;
  for (bool reached = true; reached; at += static_cast<int64_t>(10 / Scaled(10))) {
    try {
      const Armed armed(Failing::kOne, at);
      static_cast<void>(OpenSqliteStore(options));
    } catch (const std::bad_alloc&) {
    }
    reached = allocations.fired();
    const absl::Status next = OpenSqliteStore(options).status();
    ASSERT_TRUE(next.ok()) << at << ": " << next;
  }
  std::cout << at << " allocations\n";
}

// The canary: whoever takes a commit that ran out of memory for done loses it.
class SwallowingStore : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    const absl::Status status = store_.Commit(workspace, batches, results);
    return absl::IsResourceExhausted(status) ? absl::OkStatus() : status;
  }
};

TEST_F(AllocFault, ASwallowedFailureIsFound) {
  const Play play = MakePlay(Seed(), 3, false);
  Player player(play, "alloc-canary", 29,
                [](Store* store) { return std::make_unique<SwallowingStore>(store); });
  player.Run();
  std::cout << player.bad() << " of " << player.runs() << " runs bad\n";
  EXPECT_GT(player.bad(), 10u);
}

}  // namespace
}  // namespace leadcore::testing

void* operator new(size_t size) {
  using leadcore::testing::allocations;
  if (allocations.Fails(leadcore::testing::Kind::kCpp)) throw std::bad_alloc();
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  ++allocations.live;
  return memory;
}
void operator delete(void* memory) noexcept {
  if (memory != nullptr) --leadcore::testing::allocations.live;
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept { operator delete(memory); }

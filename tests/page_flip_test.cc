// SPDX-License-Identifier: Apache-2.0
//
// Every byte of a database is flipped, one at a time: whatever is read then is an error or exactly
// what was read before.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "disk_vfs.h"
#include "store/sqlite_tables.h"
#include "store_util.h"
#include "test_util.h"
#include "workload.h"

namespace leadcore::testing {
namespace {

constexpr const char* kPath = "/flip.db";
constexpr size_t kPageSize = 1024;

// 20 leads with all that belongs to them, in pages of 1 KiB; closed, so that no log is left.
DiskFiles MakeDatabase() {
  FakeDisk disk("flip-source");
  auto store = OpenSqliteStore({.path = kPath, .page_size = kPageSize, .vfs = disk.name()});
  EXPECT_TRUE(store.ok()) << store.status();
  const std::shared_ptr<const Model> model = ParseModel(kWorkModel);
  Call call{FromMicros(kStart), "tester", "open", ""};
  auto engine = Engine::Open({model, "test", false}, store->get(), call);
  EXPECT_TRUE(engine.ok()) << engine.status();
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(i);
    call.request_id = "submit-" + number;
    const std::string name = "Person No" + number;
    const std::string email = "p" + number + "@people.example.com";
    // One description is longer than a page.
    const std::string text(i == 7 ? 3000 : 20, 'd');
    const Reply reply = (*engine)->SubmitLead(
        call, MakeLead(*model, {{"full_name", name}, {"email", email}, {"description", text}}));
    EXPECT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
    call.request_id = "log-" + number;
    EXPECT_TRUE((*engine)->Log(call, MakeActivity(reply.lead_id, "call")).status.ok());
  }
  engine->reset();
  store->reset();
  return disk.Files();
}

// One thing that a reading command asks.
using Question = std::function<absl::StatusOr<std::string>(const Store&, const Snapshot&)>;

Question Scanning(RecordKind kind, const std::string& index) {
  return [=](const Store&, const Snapshot& snapshot) -> absl::StatusOr<std::string> {
    std::string all;
    ScanRequest scan;
    scan.kind = kind;
    scan.index = index;
    const absl::Status status =
        snapshot.Scan(scan, [&](const StoredRecord& record, const IndexValue&) {
          all += record.key.id + ' ' + std::to_string(record.version) + record.body + '\n';
          return true;
        });
    if (!status.ok()) return status;
    return all;
  };
}

Question Following(const std::string& lead) {
  return [=](const Store& store, const Snapshot& snapshot) -> absl::StatusOr<std::string> {
    std::string all;
    if (!lead.empty()) {
      const auto record = snapshot.Get({RecordKind::kLead, lead});
      if (!record.ok()) return record.status();
      all += *record ? (*record)->body : "none";
    }
    FeedRequest request;
    request.lead = lead;
    const absl::Status status = store.Feed("test", request, [&](const Event& event) {
      all += event.request_id + event.payload + event.type + event.salt + event.chain;
      return true;
    });
    if (!status.ok()) return status;
    return all;
  };
}

Question Looking(int person) {
  return [=](const Store& store, const Snapshot& snapshot) -> absl::StatusOr<std::string> {
    const std::string number = std::to_string(person);
    const auto holder = snapshot.Lookup("email:p" + number + "@people.example.com");
    if (!holder.ok()) return holder.status();
    const auto outcome = store.FindOutcome("test", "log-" + number);
    if (!outcome.ok()) return outcome.status();
    return holder->value_or("nobody") + (*outcome ? (*outcome)->reply : "unknown");
  };
}

// Names of the indexes of a kind's records.
std::vector<std::string> IndexesOf(RecordKind kind, const std::string& vfs) {
  std::vector<std::string> names = {""};
  sqlite3* database = nullptr;
  sqlite3_stmt* statement = nullptr;
  EXPECT_EQ(sqlite3_open_v2(kPath, &database, SQLITE_OPEN_READWRITE, vfs.c_str()), SQLITE_OK);
  const std::string prefix = std::string(RecordTable(kind)) + ".";
  sqlite3_prepare_v2(database, "SELECT name FROM sqlite_schema WHERE type='index'", -1, &statement,
                     nullptr);
  while (sqlite3_step(statement) == SQLITE_ROW) {
    const std::string name = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    if (prefix != "." && name.starts_with(prefix)) names.push_back(name.substr(prefix.size()));
  }
  sqlite3_finalize(statement);
  sqlite3_close(database);
  return names;
}

// All that the reading commands can ask.
std::vector<Question> AllQuestions(const DiskFiles& files) {
  std::vector<Question> questions;
  std::vector<std::string> leads;
  const FakeDisk disk("flip-whole", files);
  for (int kind = 1; kind <= static_cast<int>(RecordKind::kRequest); ++kind) {
    for (const std::string& index : IndexesOf(static_cast<RecordKind>(kind), disk.name())) {
      questions.push_back(Scanning(static_cast<RecordKind>(kind), index));
    }
  }
  const auto store = OpenSqliteStore({.path = kPath, .write = false, .vfs = disk.name()});
  EXPECT_TRUE(store.ok()) << store.status();
  const auto snapshot = (*store)->Read("test");
  EXPECT_TRUE(snapshot.ok()) << snapshot.status();
  const absl::Status status =
      (*snapshot)->Scan({}, [&](const StoredRecord& record, const IndexValue&) {
        questions.push_back(Following(record.key.id));
        return true;
      });
  EXPECT_TRUE(status.ok()) << status;
  for (int person = 0; person < 20; ++person) questions.push_back(Looking(person));
  questions.push_back(Following(""));
  return questions;
}

absl::StatusOr<std::unique_ptr<Store>> OpenReader(const std::string& vfs) {
  return OpenSqliteStore({.path = kPath, .write = false, .vfs = vfs});
}

absl::StatusOr<std::string> Ask(const Store& store, const Question& question) {
  const auto snapshot = store.Read("test");
  if (!snapshot.ok()) return snapshot.status();
  return question(store, **snapshot);
}

bool SaysChecksum(const absl::Status& status) {
  return absl::IsDataLoss(status) && absl::StrContains(status.message(), "wrong checksum");
}

struct Counts {
  std::atomic<size_t> detected = 0, harmless = 0, wrong = 0, unverified = 0;
};

// Flips bytes of one page after another.
class Flipper {
 public:
  Flipper(const std::string& name, const DiskFiles& files, const std::vector<Question>& questions,
          const std::vector<std::string>& answers, Counts* counts)
      : disk_(name, files),
        questions_(questions),
        answers_(answers),
        content_(*disk_.File(kPath)),
        counts_(*counts) {}

  // Every so many bytes of a page, with `mask`.
  void Flip(size_t page, size_t step, unsigned char mask) {
    held_.reset();
    for (size_t at = page * kPageSize; at < (page + 1) * kPageSize; ++at) {
      if (at % step != 0) continue;
      const char was = content_[at];
      content_[at] = static_cast<char>(was ^ mask);
      if (!FoundAgain()) Look(at);
      content_[at] = was;
    }
  }

 private:
  // Whether the page is refused where it was for another of its bytes, by a reader that has not
  // read it. Pages are read and checked whole: then nobody gets to see this one, and whatever reads
  // other pages only was seen to be right with that other byte.
  bool FoundAgain() {
    if (held_ == nullptr || !SaysChecksum(Ask(*held_, questions_[at_]).status())) return false;
    ++counts_.detected;
    return true;
  }

  // Opens the file and asks everything, up to the first error.
  void Look(size_t at) {
    held_.reset();
    {
      const auto store = OpenReader(disk_.name());
      if (!store.ok()) {
        ++counts_.detected;
        return;
      }
      for (size_t i = 0; i < questions_.size(); ++i) {
        const absl::StatusOr<std::string> answer = Ask(**store, questions_[i]);
        if (!answer.ok()) {
          ++counts_.detected;
          if (SaysChecksum(answer.status())) Hold(i);
          return;
        }
        if (*answer == answers_[i]) continue;
        ++counts_.wrong;
        ADD_FAILURE() << "byte " << at << " of page " << at / kPageSize + 1
                      << " changed the answer";
        return;
      }
      ++counts_.harmless;
      // Whoever looks at all pages finds what no command comes to read.
      if ((*store)->Verify([](std::string_view) {}).ok()) ++counts_.unverified;
    }
  }

  // A reader for the other bytes of the page.
  void Hold(size_t question) {
    at_ = question;
    absl::StatusOr<std::unique_ptr<Store>> store = OpenReader(disk_.name());
    if (store.ok()) held_ = *std::move(store);
  }

  FakeDisk disk_;
  const std::vector<Question>& questions_;
  const std::vector<std::string>& answers_;
  std::string& content_;
  Counts& counts_;
  std::unique_ptr<Store> held_;  // a reader that is refused the page
  size_t at_ = 0;                // by this question
};

// Threads of this test would stand in line for SQLite's account of its memory.
void GoWithoutMemoryStatus() { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

TEST(PageFlip, EveryFlippedByteIsFoundOrHarmless) {
  GoWithoutMemoryStatus();
  const DiskFiles files = MakeDatabase();
  ASSERT_EQ(files.count(std::string(kPath) + "-wal"), 0u);
  const std::vector<Question> questions = AllQuestions(files);
  std::vector<std::string> answers;
  {
    const FakeDisk disk("flip-whole", files);
    const auto store = OpenReader(disk.name());
    ASSERT_TRUE(store.ok()) << store.status();
    for (const Question& question : questions) {
      const absl::StatusOr<std::string> answer = Ask(**store, question);
      ASSERT_TRUE(answer.ok()) << answer.status();
      answers.push_back(*answer);
    }
  }
  const size_t size = files.at(kPath).size();
  // Every byte, or with LEADCORE_LONG every bit; under a sanitizer some of them.
  std::vector<unsigned char> masks = {0xff};
  if (std::getenv("LEADCORE_LONG") != nullptr) masks = {1, 2, 4, 8, 16, 32, 64, 128};
  const size_t step = size / std::max<size_t>(Scaled(size) / (Scaled(10) == 10 ? 1 : 10), 1);
  Counts counts;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      Flipper flipper("flip-" + std::to_string(i), files, questions, answers, &counts);
      for (const unsigned char mask : masks) {
        for (size_t page = i; page < size / kPageSize; page += 2) flipper.Flip(page, step, mask);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::cout << counts.detected << " flips found, " << counts.harmless << " harmless, of a file of "
            << size << " bytes\n";
  EXPECT_EQ(counts.wrong, 0u);
  EXPECT_EQ(counts.unverified, 0u);
  EXPECT_GT(counts.detected, 40 * counts.harmless);
}

// What is asked of the same file past the checksums.
absl::StatusOr<std::string> ReadPlainly(const std::string& vfs) {
  sqlite3* database = nullptr;
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_open_v2(kPath, &database, SQLITE_OPEN_READWRITE, vfs.c_str());
  std::string all;
  for (const char* sql : {"SELECT id, hex(body) FROM lead_records ORDER BY id",
                          "SELECT id, full_name FROM lead_records WHERE full_name>''",
                          "SELECT position, type FROM events", "SELECT key, holder FROM claims"}) {
    if (code == SQLITE_OK) code = sqlite3_prepare_v2(database, sql, -1, &statement, nullptr);
    while (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
      for (int i = 0; i < 2; ++i) {
        all.append(static_cast<const char*>(sqlite3_column_blob(statement, i)),
                   static_cast<size_t>(sqlite3_column_bytes(statement, i)));
      }
    }
    const int end = sqlite3_finalize(statement);
    statement = nullptr;
    if (code == SQLITE_OK) code = end;
  }
  sqlite3_close(database);
  if (code != SQLITE_OK) return absl::DataLossError("SQLite says so");
  return all;
}

// The canary: without checksums flips give wrong answers.
TEST(PageFlip, WithoutChecksumsWrongAnswersAreFound) {
  const DiskFiles files = MakeDatabase();
  FakeDisk disk("flip-plain", files);
  const absl::StatusOr<std::string> expected = ReadPlainly(disk.name());
  ASSERT_TRUE(expected.ok());
  std::string* const content = disk.File(kPath);
  size_t wrong = 0;
  for (size_t at = 1; at < content->size(); at += 101) {
    (*content)[at] = static_cast<char>((*content)[at] ^ 0xff);
    const absl::StatusOr<std::string> read = ReadPlainly(disk.name());
    wrong += read.ok() && *read != *expected ? 1 : 0;
    (*content)[at] = static_cast<char>((*content)[at] ^ 0xff);
  }
  std::cout << wrong << " wrong answers\n";
  EXPECT_GT(wrong, 10u);
}

}  // namespace
}  // namespace leadcore::testing

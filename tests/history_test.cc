// SPDX-License-Identifier: Apache-2.0
//
// Eight threads write and read one SQLite file through one engine, four processes read beside
// them: one feed explains all that they were told and saw, in the order of real time. The naive
// forms that the checker has to find are in history_race_test.cc.
#include "history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "child_process.h"
#include "engine_concurrent_util.h"
#include "store_util.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

using ::testing::IsEmpty;

constexpr uint64_t kReaders = 4;

// A process that only reads; it goes on as the writers do.
int RunReader(const Words& words) {
  Shared shared(words.Text("shared"), false);
  const auto store = OpenSqliteStore({.path = words.Text("db"), .write = false});
  if (!store.ok()) return 1;
  const auto engine = Engine::Open({nullptr, "test", true}, store->get(), HistoryCall("open"));
  if (!engine.ok()) return 2;
  const uint64_t number = words.Number("number");
  Actor actor(number, words.Number("seed"), &shared, engine->get(), store->get());
  for (uint64_t i = 0; i < words.Number("operations"); ++i) {
    shared.Take(number - kThreads);
    actor.Step(false);
  }
  actor.notes().Save(words.Text("notes"));
  for (const std::string& fault : actor.notes().faults()) Say(fault);
  return 0;
}

class HistoryTest : public ::testing::Test {
 protected:
  std::unique_ptr<Child> StartReader(uint64_t reader, uint64_t seed, uint64_t operations) const {
    Words words;
    words.Set("db", folder_ / "leads.db");
    words.Set("shared", folder_ / "shared");
    words.Set("notes", NotesOf(reader));
    words.Set("number", kThreads + reader);
    words.Set("seed", seed);
    words.Set("operations", operations);
    return std::make_unique<Child>(words);
  }
  std::string NotesOf(uint64_t reader) const {
    return folder_ / ("notes" + std::to_string(reader)).c_str();
  }

  // `operations` by each, on a new file.
  void Round(uint64_t seed, uint64_t operations) {
    Shared shared(folder_ / "shared", true);
    const auto store = OpenSqliteStore({folder_ / "leads.db"});
    ASSERT_TRUE(store.ok()) << store.status();
    const auto engine =
        Engine::Open({ParseModel(kHistoryModel), "test", false}, store->get(), HistoryCall("open"));
    ASSERT_TRUE(engine.ok()) << engine.status();
    MakeHotPeople(engine->get(), operations / kOpsOfEra + 1);
    std::vector<std::unique_ptr<Child>> readers;
    for (uint64_t i = 0; i < kReaders; ++i) readers.push_back(StartReader(i, seed, operations));
    std::vector<std::unique_ptr<Actor>> actors;
    for (uint64_t i = 0; i < kThreads; ++i) {
      actors.push_back(std::make_unique<Actor>(i, seed, &shared, engine->get(), store->get()));
    }
    RunTogether(kThreads, [&](size_t thread) {
      for (uint64_t i = 0; i < operations; ++i) {
        actors[thread]->Step(true);
        // Half as many readers as threads, and all do as much.
        if (i % 2 == 0) shared.Give((thread + i / 2) % kReaders);
      }
    });
    HistoryChecker checker(**store);
    for (uint64_t i = 0; i < kThreads; ++i) checker.Take(i, actors[i]->notes());
    for (uint64_t i = 0; i < kReaders; ++i) {
      EXPECT_EQ(readers[i]->Wait(), 0);
      EXPECT_THAT(readers[i]->lines(), IsEmpty());
      checker.Take(kThreads + i, Notes::Load(NotesOf(i)));
    }
    EXPECT_THAT(checker.Faults(), IsEmpty());
    std::cout << checker.Counts() << ", seed " << seed << "\n";
  }

  const Folder folder_;
};

TEST_F(HistoryTest, OneFeedExplainsWhatThreadsAndProcessesDidAndSaw) {
  const bool whole = std::getenv("LEADCORE_LONG") != nullptr;
  for (uint64_t round = 0; round < (whole ? 50 : 1) && !HasFailure(); ++round) {
    for (const char* file : {"leads.db", "leads.db-wal", "leads.db-shm"}) {
      std::filesystem::remove(folder_ / file);
    }
    Round(Seed() + round, Scaled(20'000));
  }
}

}  // namespace
}  // namespace leadcore::testing

int main(int argc, char** argv) {
  using leadcore::testing::Words;
  if (argc > 1 && argv[1] == leadcore::testing::kChildWord) {
    return leadcore::testing::RunReader(Words::FromArguments(argc, argv, 2));
  }
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}

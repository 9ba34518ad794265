// SPDX-License-Identifier: Apache-2.0
//
// Clusters of a batch: the same in every order, and no giants of weak links.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "leadcore/matching.h"
#include "leadcore/model.h"
#include "test_util.h"

namespace leadcore {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Fields = std::map<FieldId, std::string>;
// Leads that are together, whatever the order: each set by what the leads are called here.
using Partition = std::set<std::set<size_t>>;

class ClusterTest : public ::testing::Test {
 protected:
  PreparedLead Prepare(const Fields& fields) const {
    Lead lead(model_->schema());
    for (const auto& [id, text] : fields) lead.SetText(id, text);
    return similarity_.Prepare(lead.view(), model_->email_lists());
  }

  // `names[i]` is what lead i is called.
  static Partition PartitionOf(const std::vector<size_t>& cluster,
                               const std::vector<size_t>& names) {
    std::map<size_t, std::set<size_t>> sets;
    for (size_t i = 0; i < cluster.size(); ++i) sets[cluster[i]].insert(names[i]);
    Partition partition;
    for (const auto& [head, set] : sets) partition.insert(set);
    return partition;
  }
  Partition Cluster(const std::vector<PreparedLead>& leads,
                    const std::vector<size_t>& order) const {
    std::vector<PreparedLead> shuffled;
    for (const size_t i : order) shuffled.push_back(leads[i]);
    const Clusters clusters = similarity_.Cluster(shuffled);
    for (size_t i = 0; i < clusters.cluster.size(); ++i) {
      EXPECT_LE(clusters.cluster[i], i);
      EXPECT_EQ(clusters.cluster[clusters.cluster[i]], clusters.cluster[i]);
    }
    return PartitionOf(clusters.cluster, order);
  }

  // Every sure pair joined, whatever the rest says: the plain closure.
  std::vector<size_t> Closure(const std::vector<PreparedLead>& leads) const {
    const LeadFrequencies counted = similarity_.Count(leads);
    std::vector<size_t> cluster(leads.size());
    std::iota(cluster.begin(), cluster.end(), size_t{0});
    for (const auto& [a, b] : similarity_.Candidates(leads)) {
      if (similarity_.Compare(leads[a], leads[b], counted).verdict != PairVerdict::kSure) continue;
      const size_t into = std::min(cluster[a], cluster[b]), from = std::max(cluster[a], cluster[b]);
      std::ranges::replace(cluster, from, into);
    }
    return cluster;
  }

  std::shared_ptr<const Model> model_ = Model::Default();
  const Similarity& similarity_ = model_->similarity();
};

size_t Biggest(const std::vector<size_t>& cluster) {
  std::map<size_t, size_t> sizes;
  size_t biggest = 0;
  for (const size_t head : cluster) biggest = std::max(biggest, ++sizes[head]);
  return biggest;
}

// People with a few faults each, households and colleagues.
std::vector<Fields> MadeUp(uint64_t seed, size_t count) {
  std::mt19937_64 random(seed);
  const std::vector<std::string> firsts = {"Robert", "Anna", "Grace", "Maria", "Olga", "James"};
  const std::vector<std::string> lasts = {"Smith", "Lovelace", "Hopper", "Berg", "Katz"};
  std::vector<Fields> leads;
  while (leads.size() < count) {
    const std::string first = firsts[random() % firsts.size()];
    const std::string last = lasts[random() % lasts.size()];
    const std::string number = std::to_string(random() % 20 + 1);
    Fields person = {{field::kFirstName, first},
                     {field::kLastName, last},
                     {field::kEmail, first + "." + last + number + "@example.com"},
                     {field::kPhone, "+1415555" + std::to_string(2000 + random() % 40)},
                     {field::kStreet, number + " Main St"},
                     {field::kCity, "Springfield"},
                     {field::kPostalCode, "9410" + std::to_string(random() % 3)}};
    for (size_t copies = 1 + random() % 3; copies > 0 && leads.size() < count; --copies) {
      Fields lead = person;
      for (const FieldId id : {field::kEmail, field::kPhone, field::kStreet, field::kFirstName}) {
        if (random() % 3 == 0) lead.erase(id);
      }
      if (random() % 4 == 0) lead[field::kLastName].erase(1, 1);
      leads.push_back(lead);
    }
  }
  return leads;
}

TEST_F(ClusterTest, TheSameInEveryOrder) {
  const uint64_t seed = testing::Seed();
  SCOPED_TRACE(seed);
  size_t joined = 0;
  for (size_t round = 0; round < testing::Scaled(20); ++round) {
    std::vector<PreparedLead> leads;
    for (const Fields& fields : MadeUp(seed + round, 150)) leads.push_back(Prepare(fields));
    std::vector<size_t> order(leads.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const Partition partition = Cluster(leads, order);
    joined += leads.size() - partition.size();
    std::mt19937_64 random(seed + round);
    for (int i = 0; i < 5; ++i) {
      std::shuffle(order.begin(), order.end(), random);
      ASSERT_EQ(Cluster(leads, order), partition) << "round " << round;
    }
  }
  EXPECT_GT(joined, 0u);
}

TEST_F(ClusterTest, AChainOfResemblancesMakesNoGiant) {
  // Each lead shares a mailbox with the next one and nothing with the others.
  const auto mailbox = [](int i) {
    return "rob" + std::to_string(1000 + i * 1117) + "x@example.com";
  };
  std::vector<PreparedLead> leads;
  for (int i = 0; i < 40; ++i) {
    Lead lead(model_->schema());
    lead.SetText(field::kEmail, mailbox(i));
    lead.AppendText(field::kOtherEmails, mailbox(i + 1));
    leads.push_back(similarity_.Prepare(lead.view(), model_->email_lists()));
  }
  EXPECT_EQ(Biggest(Closure(leads)), 40u) << "the plain closure";
  EXPECT_LE(Biggest(similarity_.Cluster(leads).cluster), 10u);
}

TEST_F(ClusterTest, CopiesAreOneUnlessTheySayTooLittle) {
  const PreparedLead whole =
      Prepare({{field::kFullName, "Ada Lovelace"}, {field::kEmail, "ada@example.com"}});
  const PreparedLead name = Prepare({{field::kFullName, "Ada Lovelace"}});
  EXPECT_THAT(similarity_.Cluster(std::vector{whole, name, whole, whole}).cluster,
              ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(similarity_.Cluster(std::vector{name, name}).cluster, ElementsAre(0, 1));
  EXPECT_THAT(similarity_.Cluster({}).cluster, IsEmpty());
}

TEST_F(ClusterTest, WhatIsOnlyPossibleIsToldNotJoined) {
  const std::vector<PreparedLead> leads = {
      Prepare({{field::kFullName, "Ada Lovelace"}, {field::kEmail, "ada@example.com"}}),
      Prepare({{field::kFullName, "Grace Hopper"}, {field::kEmail, "grace@example.com"}}),
      Prepare({{field::kFullName, "Ada Lovelace"}, {field::kEmail, "lovelace@example.org"}})};
  const Clusters clusters = similarity_.Cluster(leads);
  EXPECT_THAT(clusters.cluster, ElementsAre(0, 1, 2));
  ASSERT_EQ(clusters.possible.size(), 1u);
  EXPECT_EQ(clusters.possible[0].a, 0u);
  EXPECT_EQ(clusters.possible[0].b, 2u);
  EXPECT_EQ(clusters.possible[0].points,
            similarity_.Compare(leads[2], leads[0], similarity_.Count(leads)).points);
}

}  // namespace
}  // namespace leadcore

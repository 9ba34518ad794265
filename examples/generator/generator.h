// SPDX-License-Identifier: Apache-2.0
//
// Made-up leads that look real: people at companies in a dozen countries, with the typos, doubles
// and broken rows that real lists have, and the truth beside them. The same seed gives the same
// rows on every machine.
#ifndef LEADCORE_EXAMPLES_GENERATOR_GENERATOR_H_
#define LEADCORE_EXAMPLES_GENERATOR_GENERATOR_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace generator {

// splitmix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next();
  size_t Below(size_t n);         // 0 … n-1; n > 0
  bool Chance(int in_a_hundred);  // true that often
  // About `middle`, often less, sometimes a hundred times more; at least 1.
  int64_t Skewed(int64_t middle);
  template <typename T, size_t N>
  const T& Of(const T (&items)[N]) {
    return items[Below(N)];
  }

 private:
  uint64_t state_;
};

enum class RowKind : uint8_t {
  kOriginal,
  kSameEmail,    // a person again, the address written in another way
  kSamePhone,    // a person again, with the number only
  kSameCompany,  // a person again, with a private address
  kNoContact,    // neither e-mail nor phone
  kNoName,
  kBadEmail,  // an address that is none, and no phone
};
std::string_view RowKindName(RowKind kind);

struct Row {
  std::vector<std::string> cells;  // in the order of Columns()
  RowKind kind = RowKind::kOriginal;
  size_t person = 0;    // the same number, the same person
  size_t original = 0;  // row of the person's first appearance, from 1
};

std::span<const std::string_view> Columns();

// Rows one after another.
class Leads {
 public:
  explicit Leads(uint64_t seed) : random_(seed) {}
  Row Next();

 private:
  struct Person {
    std::string first, last, title, email, phone, company, website, industry, city, region, postal,
        country, created;
    int64_t employees = 0, revenue = 0, growth = 0;
    size_t number = 0, row = 0;
    size_t place = 0;
  };

  Person MakePerson();
  std::string MakePhone(size_t place);
  std::vector<std::string> Write(const Person& person);
  Row Again(const Person& person);
  Row Broken();

  Random random_;
  size_t rows_ = 0, people_ = 0;
  std::vector<Person> known_;
};

// One thing that a lead did on the web site or with a mail, or that a person of ours did with it.
struct Behaviour {
  size_t lead = 0;          // index into the leads given
  std::string_view kind;    // an activity kind
  int64_t seconds_ago = 0;  // within a week
  std::vector<std::pair<std::string, std::string>> attributes;
};
// A week of it for `leads` leads: most do nothing, a few a great deal. Oldest first.
std::vector<Behaviour> MakeWeek(size_t leads, uint64_t seed);

}  // namespace generator

#endif  // LEADCORE_EXAMPLES_GENERATOR_GENERATOR_H_

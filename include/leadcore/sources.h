// SPDX-License-Identifier: Apache-2.0
//
// Sources: where leads come from, as records: one id for all the ways people write it, the medium,
// and what each period cost.
#ifndef LEADCORE_SOURCES_H_
#define LEADCORE_SOURCES_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "leadcore/value.h"

namespace leadcore {

struct SourceCost {
  Date from;  // first day
  Date to;    // last day, included
  Money amount;
};
struct SourceConfig {
  std::string id;    // what the field `source` holds
  std::string name;  // for people; "" means the id
  std::vector<std::string> aliases;
  std::string medium;  // "paid", "organic", "referral" …
  std::vector<SourceCost> costs;
};

// Immutable after Compile; thread-safe.
class Sources {
 public:
  // Faults have paths "sources[i]. …": no id, an id, name or alias that means two sources, a cost
  // that ends before it starts or whose days have no year. nullptr when there were any.
  static std::shared_ptr<const Sources> Compile(std::vector<SourceConfig> sources, Faults* faults);

  const std::vector<SourceConfig>& all() const { return sources_; }

  // The source that `text` means by id, name or alias (case, accents and punctuation aside), or
  // nullptr: the text then stands as written.
  const SourceConfig* Find(std::string_view text) const;

 private:
  Sources() = default;

  std::vector<SourceConfig> sources_;
  std::vector<std::pair<std::string, size_t>> by_text_;  // folded, sorted
};

}  // namespace leadcore

#endif  // LEADCORE_SOURCES_H_

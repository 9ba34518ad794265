// SPDX-License-Identifier: Apache-2.0
#include "leadcore/sources.h"

#include <algorithm>

#include "leadcore/normalize.h"
#include "text.h"

namespace leadcore {

std::shared_ptr<const Sources> Sources::Compile(std::vector<SourceConfig> sources, Faults* faults) {
  const size_t before = faults->size();
  std::shared_ptr<Sources> result(new Sources);
  const auto fault = [faults](std::string path, std::string message) {
    faults->push_back({std::move(path), -1, std::move(message)});
  };
  const auto add = [&](std::string path, size_t source, std::string_view text) {
    std::string folded = FoldText(text);
    if (folded.empty()) {
      fault(std::move(path), "has no letters or digits by which leads could name it");
      return;
    }
    for (const auto& [known, owner] : result->by_text_) {
      if (known != folded || owner == source) continue;
      fault(std::move(path),
            Cat("'", text, "' means the source '", sources[owner].id, "' already"));
      return;
    }
    result->by_text_.emplace_back(std::move(folded), source);
  };
  for (size_t i = 0; i < sources.size(); ++i) {
    SourceConfig& source = sources[i];
    const std::string path = Cat("sources[", i, "]");
    if (source.name.empty()) source.name = source.id;
    add(path + ".id", i, source.id);
    if (source.name != source.id) add(path + ".name", i, source.name);
    for (size_t j = 0; j < source.aliases.size(); ++j) {
      add(Cat(path, ".aliases[", j, "]"), i, source.aliases[j]);
    }
    for (size_t j = 0; j < source.costs.size(); ++j) {
      const SourceCost& cost = source.costs[j];
      const std::string cost_path = Cat(path, ".costs[", j, "]");
      if (cost.from.year == 0) fault(cost_path + ".from", "a period starts on a day of some year");
      if (cost.to.year == 0) fault(cost_path + ".to", "a period ends on a day of some year");
      if (cost.from.year == 0 || cost.to.year == 0 || cost.to >= cost.from) continue;
      fault(cost_path + ".to", "the period ends before it starts");
    }
  }
  std::sort(result->by_text_.begin(), result->by_text_.end());
  result->sources_ = std::move(sources);
  return faults->size() == before ? result : nullptr;
}

const SourceConfig* Sources::Find(std::string_view text) const {
  const std::string folded = FoldText(text);
  const auto at = std::lower_bound(by_text_.begin(), by_text_.end(), folded,
                                   [](const std::pair<std::string, size_t>& entry,
                                      const std::string& wanted) { return entry.first < wanted; });
  if (at == by_text_.end() || at->first != folded) return nullptr;
  return &sources_[at->second];
}

}  // namespace leadcore

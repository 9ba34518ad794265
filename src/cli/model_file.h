// SPDX-License-Identifier: Apache-2.0
#ifndef LEADCORE_SRC_CLI_MODEL_FILE_H_
#define LEADCORE_SRC_CLI_MODEL_FILE_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "leadcore/model.h"

namespace leadcore::cli {

// The whole of a file; NOT_FOUND and the like say why not.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Reads and compiles a model, and puts in the tables that stand beside it: "@territories.csv" at
// the place of an array or object. Complains about every fault as path:line:column; nullptr then.
std::shared_ptr<const Model> LoadModelFile(const std::string& path);

// "path:3:14: scoring…" on stderr, one line for each.
void ComplainOfFaults(const std::string& path, const Faults& faults);

}  // namespace leadcore::cli

#endif  // LEADCORE_SRC_CLI_MODEL_FILE_H_

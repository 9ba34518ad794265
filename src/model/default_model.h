// SPDX-License-Identifier: Apache-2.0
#ifndef LEADCORE_SRC_MODEL_DEFAULT_MODEL_H_
#define LEADCORE_SRC_MODEL_DEFAULT_MODEL_H_

#include <string_view>

namespace leadcore {

// The text of examples/models/b2b.json, put in by the build.
extern const std::string_view kDefaultModel;

}  // namespace leadcore

#endif  // LEADCORE_SRC_MODEL_DEFAULT_MODEL_H_

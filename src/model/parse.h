// SPDX-License-Identifier: Apache-2.0
#ifndef LEADCORE_SRC_MODEL_PARSE_H_
#define LEADCORE_SRC_MODEL_PARSE_H_

#include "leadcore/model.h"
#include "model/json.h"

namespace leadcore {

// Reads the document into `config`, which holds the defaults. Faults: unknown members ("did you
// mean"), wrong kinds, values that do not exist. What names mean is checked later, when the parts
// are compiled.
void ParseModelConfig(const Json& document, ModelConfig* config, Faults* faults);

}  // namespace leadcore

#endif  // LEADCORE_SRC_MODEL_PARSE_H_

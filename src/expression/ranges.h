// SPDX-License-Identifier: Apache-2.0
//
// What a condition implies about single fields, for indexes.
#ifndef LEADCORE_SRC_EXPRESSION_RANGES_H_
#define LEADCORE_SRC_EXPRESSION_RANGES_H_

#include <vector>

#include "expression/program.h"
#include "leadcore/expression.h"
#include "leadcore/schema.h"

namespace leadcore::expression_internal {

// Values point into the constants of `program`.
std::vector<Expression::Range> RangesOf(const Program& program, const Schema& schema);

}  // namespace leadcore::expression_internal

#endif  // LEADCORE_SRC_EXPRESSION_RANGES_H_

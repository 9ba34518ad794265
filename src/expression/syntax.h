// SPDX-License-Identifier: Apache-2.0
//
// What was written, as a tree: not yet checked, and free of the schema.
#ifndef LEADCORE_SRC_EXPRESSION_SYNTAX_H_
#define LEADCORE_SRC_EXPRESSION_SYNTAX_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "expression/scanner.h"
#include "leadcore/expression.h"

namespace leadcore::expression_internal {

enum class SyntaxKind : uint8_t {
  kError,  // stands where something could not be read
  kInteger,
  kReal,
  kText,
  kBoolean,
  kNull,
  kName,         // text
  kSelect,       // children[0] . text
  kIndex,        // children[0] [ children[1] ]
  kCall,         // text ( children ); with a receiver it is children[0]
  kList,         // [ children ]
  kUnary,        // text children[0]
  kBinary,       // children[0] text children[1]
  kLogical,      // children joined by text, && or ||; two or more
  kConditional,  // children[0] ? children[1] : children[2]
};

using SyntaxId = uint32_t;

struct SyntaxNode {
  SyntaxKind kind = SyntaxKind::kError;
  bool receiver = false;  // kCall
  bool boolean = false;   // kBoolean
  int offset = 0;         // first byte of the whole
  int name_offset = 0;    // where the name, sign or bracket of this node stands
  int64_t integer = 0;
  double real = 0;
  std::string_view text;  // name, member, function or sign; views the source
  std::string value;      // kText
  std::vector<SyntaxId> children;
};

struct Syntax {
  std::vector<SyntaxNode> nodes;
  SyntaxId root = 0;
  const SyntaxNode& operator[](SyntaxId id) const { return nodes[id]; }
};

// Appends what is wrong to `mistakes`; the tree means nothing when there was any. `source` must
// outlive the tree.
Syntax Parse(std::string_view source, const ExpressionLimits& limits,
             std::vector<Mistake>* mistakes);

// The subtree in one fixed spelling, which reads back as the same tree: double quotes, single
// spaces, no brackets that are not needed.
std::string Canonical(const Syntax& syntax, SyntaxId id);

// The names of a chain a.b.c that starts with a plain name; empty when `id` is anything else.
// The node of each part is put into `parts` when it is not null.
std::vector<std::string_view> NameChain(const Syntax& syntax, SyntaxId id,
                                        std::vector<SyntaxId>* parts = nullptr);

}  // namespace leadcore::expression_internal

#endif  // LEADCORE_SRC_EXPRESSION_SYNTAX_H_

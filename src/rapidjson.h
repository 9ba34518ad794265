// SPDX-License-Identifier: Apache-2.0
//
// RapidJSON, for every file that uses it. Its empty stacks add an offset to a null pointer, which
// is harmless and which clang's UndefinedBehaviorSanitizer rightly reports: that one check is off
// in its code, not in ours.
#ifndef LEADCORE_SRC_RAPIDJSON_H_
#define LEADCORE_SRC_RAPIDJSON_H_

#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("pointer-overflow"))), apply_to = function)
#endif
#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#ifdef __clang__
#pragma clang attribute pop
#endif

#endif  // LEADCORE_SRC_RAPIDJSON_H_

// SPDX-License-Identifier: Apache-2.0
//
// The one border between the std vocabulary of the public headers and Abseil's: Debian 12 builds
// Abseil with its own string_view, which does not convert to std::string_view or back.
#ifndef LEADCORE_SRC_TEXT_H_
#define LEADCORE_SRC_TEXT_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace leadcore {

inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }

inline size_t RoomFor(std::string_view piece) { return piece.size(); }
inline size_t RoomFor(char) { return 1; }
template <std::integral T>
  requires(!std::same_as<T, char> && !std::same_as<T, bool>)
size_t RoomFor(T) {
  return 4;  // most are small
}

inline void AppendPiece(std::string* out, std::string_view piece) { out->append(piece); }
inline void AppendPiece(std::string* out, char piece) { out->push_back(piece); }
template <std::integral T>
  requires(!std::same_as<T, char> && !std::same_as<T, bool>)
void AppendPiece(std::string* out, T piece) {
  out->append(std::to_string(piece));
}

// Cat("row ", 3, ": ", name): pieces are text, single characters and integers.
template <typename... Pieces>
std::string Cat(const Pieces&... pieces) {
  std::string out;
  out.reserve((size_t{0} + ... + RoomFor(pieces)));
  (AppendPiece(&out, pieces), ...);
  return out;
}

template <typename... Pieces>
absl::Status InvalidArgument(const Pieces&... pieces) {
  return absl::InvalidArgumentError(ToAbsl(Cat(pieces...)));
}
template <typename... Pieces>
absl::Status NotFound(const Pieces&... pieces) {
  return absl::NotFoundError(ToAbsl(Cat(pieces...)));
}
template <typename... Pieces>
absl::Status FailedPrecondition(const Pieces&... pieces) {
  return absl::FailedPreconditionError(ToAbsl(Cat(pieces...)));
}
template <typename... Pieces>
absl::Status Internal(const Pieces&... pieces) {
  return absl::InternalError(ToAbsl(Cat(pieces...)));
}

// The message of a status as std text; valid as long as the status is.
inline std::string_view Message(const absl::Status& status) { return ToStd(status.message()); }

// Well-formed UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF.
bool IsUtf8(std::string_view text);
// The same text, each byte that is not part of UTF-8 replaced by U+FFFD.
std::string ToUtf8(std::string_view text);

// The closest of `candidates` within a third of the word's length in edits (for "did you mean"), or
// "".
std::string_view ClosestName(std::string_view word, const std::string_view* candidates,
                             size_t count);
// ", did you mean 'NAME'?", or "" for no name.
inline std::string DidYouMean(std::string_view closest) {
  return closest.empty() ? std::string() : Cat(", did you mean '", closest, "'?");
}

}  // namespace leadcore

#endif  // LEADCORE_SRC_TEXT_H_

// SPDX-License-Identifier: Apache-2.0
//
// The wire format of protobuf in the form that codec.h needs: a writer that appends to a string, on
// protobuf's own coded stream, and a reader over bytes that lie in memory as a whole: every lead
// that is listed goes through it.
//
// Generated classes are not used: their proto3 parsers write to stderr when text is not UTF-8, and
// a Lead is read and written by the field table anyway.
#ifndef LEADCORE_SRC_CODEC_WIRE_H_
#define LEADCORE_SRC_CODEC_WIRE_H_

#include <bit>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "text.h"

namespace leadcore::codec_internal {

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

inline uint64_t ZigZag(int64_t number) {
  return (static_cast<uint64_t>(number) << 1) ^ static_cast<uint64_t>(number >> 63);
}
inline int64_t UnZigZag(uint64_t bits) {
  return static_cast<int64_t>((bits >> 1) ^ (~(bits & 1) + 1));
}

// One NaN: bytes do not depend on how it came about.
inline uint64_t RealBits(double real) {
  return std::bit_cast<uint64_t>(real == real ? real : std::numeric_limits<double>::quiet_NaN());
}

class Writer {
 public:
  explicit Writer(std::string* out) : out_(out) {}

  void Raw(uint64_t varint);
  void Varint(uint32_t number, uint64_t value);
  void Fixed64(uint32_t number, uint64_t bits);
  void Bytes(uint32_t number, std::string_view bytes);
  // Text that is not UTF-8 is mended, so that what was written can be read.
  void Text(uint32_t number, std::string_view text);
  // A message: what `write` appends, with its length before it.
  void Message(uint32_t number, absl::FunctionRef<void()> write);
  void Timestamp(uint32_t number, int64_t micros);
  void Duration(uint32_t number, int64_t micros);

  // As proto3 writes members without presence: not at all when they hold their default.
  void PlainVarint(uint32_t number, uint64_t value) {
    if (value != 0) Varint(number, value);
  }
  void PlainText(uint32_t number, std::string_view text) {
    if (!text.empty()) Text(number, text);
  }
  void OptionalTimestamp(uint32_t number, const std::optional<int64_t>& micros) {
    if (micros) Timestamp(number, *micros);
  }
  // Packed; `encode` makes the varint of each.
  template <typename T>
  void Packed(uint32_t number, const std::vector<T>& numbers, uint64_t (*encode)(T)) {
    if (numbers.empty()) return;
    Message(number, [&] {
      for (T one : numbers) Raw(encode(one));
    });
  }

 private:
  void Tag(uint32_t number, WireType type) { Raw(number << 3 | type); }

  std::string* out_;
};

// Members of one message, one after another:
//
//   Reader reader(bytes);
//   while (reader.Next()) { switch (reader.number()) … }
//   if (!reader.ok()) …
//
// A member that none of the typed functions took is passed over by the following Next.
class Reader {
 public:
  explicit Reader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()), begin_(bytes.data()) {}

  // Moves to the next member; false at the end and when the bytes are damaged.
  bool Next() {
    start_ = at_;
    if (at_ == end_) return false;
    return NextShort() || (at_ = start_, NextAny());
  }
  bool ok() const { return fault_.empty(); }
  // What is wrong with the bytes; "" while nothing is.
  std::string_view fault() const { return fault_; }

  uint32_t number() const { return number_; }
  // The member with its tag, as it came.
  std::string_view whole() const { return {start_, static_cast<size_t>(at_ - start_)}; }

  // The member's content, if it has the wire type that is asked for; else false, and the member is
  // an unknown one.
  bool Varint(uint64_t* value) const {
    if (type_ != kVarint) return false;
    *value = value_;
    return true;
  }
  bool Fixed64(uint64_t* bits) const {
    if (type_ != kFixed64) return false;
    *bits = value_;
    return true;
  }
  bool Bytes(std::string_view* bytes) const {
    if (type_ != kBytes) return false;
    *bytes = content_;
    return true;
  }
  // Whether Bytes would take it; to be asked before room is made for what it holds.
  bool has_bytes() const { return type_ == kBytes; }
  // Like Bytes; text that is not UTF-8 is a fault.
  bool Text(std::string_view* text) {
    if (!Bytes(text)) return false;
    if (!IsShortAscii(*text) && !IsUtf8(*text)) Fail("the text is not UTF-8");
    return true;
  }
  bool Text(std::string* text) {
    std::string_view view;
    if (!Text(&view)) return false;
    *text = view;
    return true;
  }
  // A Timestamp or Duration: microseconds, finer digits cut off. False for what holds unknown
  // members; out of range is a fault.
  bool Moment(int64_t* micros);
  bool Moment(std::optional<int64_t>* micros);
  // Repeated numbers, packed or one by one.
  template <typename T>
  bool Numbers(std::vector<T>* numbers, T (*decode)(uint64_t)) {
    if (type_ == kVarint) {
      numbers->push_back(decode(value_));
      return true;
    }
    if (type_ != kBytes) return false;
    Reader packed(content_);
    uint64_t bits = 0;
    while (packed.RawVarint(&bits)) numbers->push_back(decode(bits));
    if (!packed.ok()) Fail(packed.fault());
    return true;
  }

  void Fail(std::string_view fault) {
    if (fault_.empty()) fault_ = fault;
  }
  // The end of a part of `outer`'s message: hands on a fault; true when there was none and all of
  // the part was `known`.
  bool Finish(bool known, Reader* outer) const {
    if (!ok()) outer->Fail(fault_);
    return ok() && known;
  }

 private:
  // Next where the tag has at most two bytes and what follows it one, or is that long: nearly
  // always so. False: try NextAny.
  bool NextShort() {
    if (end_ - at_ < 2 || !ok()) return false;
    uint32_t tag = static_cast<unsigned char>(*at_++);
    if (tag >= 0x80) {
      const auto high = static_cast<unsigned char>(*at_++);
      if (high >= 0x80 || at_ == end_) return false;
      tag = (tag & 0x7f) | static_cast<uint32_t>(high) << 7;
    }
    number_ = tag >> 3;
    type_ = tag & 7;
    value_ = static_cast<unsigned char>(*at_++);
    if (value_ >= 0x80 || number_ == 0) return false;
    if (type_ == kVarint) return true;
    if (type_ != kBytes || value_ > static_cast<uint64_t>(end_ - at_)) return false;
    content_ = {at_, static_cast<size_t>(value_)};
    at_ += value_;
    return true;
  }
  bool NextAny();

  static bool IsShortAscii(std::string_view text) {
    if (text.size() > 32) return false;
    unsigned char bits = 0;
    for (const char c : text) bits |= static_cast<unsigned char>(c);
    return bits < 0x80;
  }

  // The next number of a packed list; false at the end.
  bool RawVarint(uint64_t* bits);
  // At most `longest` bytes of seven bits each; false when they end before the number does.
  bool ReadVarint(int longest, uint64_t* value);
  bool ReadLittleEndian(int size, uint64_t* value);

  const char* at_;  // what comes after the current member
  const char* const end_;
  const char* const begin_;
  const char* start_ = nullptr;  // of the current member
  uint32_t number_ = 0;
  uint32_t type_ = 0;
  uint64_t value_ = 0;
  std::string_view content_;
  std::string fault_;
};

template <typename... Pieces>
absl::Status Damaged(const Pieces&... pieces) {
  return absl::DataLossError(ToAbsl(Cat(pieces...)));
}

// DATA_LOSS when the bytes are more than a message may have.
absl::Status CheckSize(std::string_view bytes, std::string_view what);

}  // namespace leadcore::codec_internal

#endif  // LEADCORE_SRC_CODEC_WIRE_H_

// SPDX-License-Identifier: Apache-2.0
#include "codec/wire.h"

#include <google/protobuf/io/coded_stream.h>

#include "leadcore/codec.h"

namespace leadcore::codec_internal {
namespace {

using google::protobuf::io::CodedOutputStream;

constexpr int64_t kSecond = 1'000'000;

}  // namespace

void Writer::Raw(uint64_t varint) {
  if (varint < 0x80) {  // most tags and lengths
    out_->push_back(static_cast<char>(varint));
    return;
  }
  uint8_t buffer[10];
  const uint8_t* end = CodedOutputStream::WriteVarint64ToArray(varint, buffer);
  out_->append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(end - buffer));
}

void Writer::Varint(uint32_t number, uint64_t value) {
  Tag(number, kVarint);
  Raw(value);
}

void Writer::Fixed64(uint32_t number, uint64_t bits) {
  Tag(number, kFixed64);
  uint8_t buffer[8];
  CodedOutputStream::WriteLittleEndian64ToArray(bits, buffer);
  out_->append(reinterpret_cast<const char*>(buffer), sizeof(buffer));
}

void Writer::Bytes(uint32_t number, std::string_view bytes) {
  Tag(number, kBytes);
  Raw(bytes.size());
  out_->append(bytes);
}

void Writer::Text(uint32_t number, std::string_view text) {
  if (IsUtf8(text)) return Bytes(number, text);
  Bytes(number, ToUtf8(text));
}

void Writer::Message(uint32_t number, absl::FunctionRef<void()> write) {
  Tag(number, kBytes);
  // Most are so short that their length is one byte.
  const size_t start = out_->size();
  out_->push_back('\0');
  write();
  uint8_t buffer[10];
  const uint8_t* end = CodedOutputStream::WriteVarint64ToArray(out_->size() - start - 1, buffer);
  (*out_)[start] = static_cast<char>(buffer[0]);
  if (end == buffer + 1) return;
  out_->insert(start + 1, reinterpret_cast<const char*>(buffer + 1),
               static_cast<size_t>(end - buffer - 1));
}

void Writer::Timestamp(uint32_t number, int64_t micros) {
  int64_t seconds = micros / kSecond;
  int64_t rest = micros % kSecond;
  if (rest < 0) {  // nanos of a Timestamp count forward always
    rest += kSecond;
    --seconds;
  }
  Message(number, [&] {
    PlainVarint(1, static_cast<uint64_t>(seconds));
    PlainVarint(2, static_cast<uint64_t>(rest * 1000));
  });
}

void Writer::Duration(uint32_t number, int64_t micros) {
  Message(number, [&] {  // seconds and nanos have the same sign
    PlainVarint(1, static_cast<uint64_t>(micros / kSecond));
    PlainVarint(2, static_cast<uint64_t>(micros % kSecond * 1000));
  });
}

bool Reader::ReadVarint(int longest, uint64_t* value) {
  // Most are tags, lengths and small numbers of one byte.
  if (at_ < end_ && static_cast<signed char>(*at_) >= 0) {
    *value = static_cast<unsigned char>(*at_++);
    return true;
  }
  uint64_t bits = 0;
  for (int i = 0; i < longest && at_ < end_; ++i) {
    const auto byte = static_cast<unsigned char>(*at_++);
    bits |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte >= 0x80) continue;
    *value = bits;
    return true;
  }
  return false;
}

bool Reader::ReadLittleEndian(int size, uint64_t* value) {
  if (end_ - at_ < size) return false;
  uint64_t bits = 0;
  for (int i = size - 1; i >= 0; --i) bits = bits << 8 | static_cast<unsigned char>(at_[i]);
  at_ += size;
  *value = bits;
  return true;
}

bool Reader::NextAny() {
  constexpr int kLongestTag = 5, kLongest = 10;
  if (!ok()) return false;
  start_ = at_;
  if (at_ == end_) return false;
  uint64_t tag = 0;
  bool read = ReadVarint(kLongestTag, &tag) && tag <= std::numeric_limits<uint32_t>::max();
  number_ = static_cast<uint32_t>(tag) >> 3;
  type_ = tag & 7;
  value_ = 0;
  content_ = {};
  read = read && number_ != 0;
  uint64_t size = 0;
  switch (read ? type_ : ~0u) {
    case kVarint:
      read = ReadVarint(kLongest, &value_);
      break;
    case kFixed64:
      read = ReadLittleEndian(8, &value_);
      break;
    case kFixed32:
      read = ReadLittleEndian(4, &size);
      break;
    case kBytes: {
      read = ReadVarint(kLongest, &size) && size <= static_cast<uint64_t>(end_ - at_);
      if (!read) break;
      content_ = {at_, static_cast<size_t>(size)};
      at_ += size;
      break;
    }
    default:
      read = false;  // groups were never written
  }
  if (!read) Fail(Cat("the bytes are cut off or damaged at ", start_ - begin_));
  return read;
}

bool Reader::Moment(int64_t* micros) {
  if (type_ != kBytes) return false;
  uint64_t seconds = 0;
  uint64_t nanos = 0;
  bool known = true;
  Reader inner(content_);
  while (inner.Next()) {
    known &= (inner.number() == 1 && inner.Varint(&seconds)) ||
             (inner.number() == 2 && inner.Varint(&nanos));
  }
  if (!inner.Finish(known, this)) return false;
  const auto fraction = static_cast<int64_t>(static_cast<int32_t>(nanos));
  // 128 bits: the earliest time is less than a second after whole seconds that do not fit.
  const __int128 sum =
      static_cast<__int128>(static_cast<int64_t>(seconds)) * kSecond + fraction / 1000;
  *micros = static_cast<int64_t>(sum);
  if (sum != *micros || fraction <= -1'000'000'000 || fraction >= 1'000'000'000) {
    Fail("a time or duration is out of range");
  }
  return true;
}

bool Reader::Moment(std::optional<int64_t>* micros) {
  int64_t value = 0;
  if (!Moment(&value)) return false;
  *micros = value;
  return true;
}

bool Reader::RawVarint(uint64_t* bits) {
  constexpr int kLongest = 10;
  if (at_ == end_) return false;
  if (ReadVarint(kLongest, bits)) return true;
  Fail("a list of numbers is cut off");
  return false;
}

absl::Status CheckSize(std::string_view bytes, std::string_view what) {
  if (bytes.size() <= kLargestMessage) return absl::OkStatus();
  return Damaged(what, ": ", bytes.size(), " bytes; at most ", kLargestMessage, " are allowed");
}

}  // namespace leadcore::codec_internal

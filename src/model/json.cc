// SPDX-License-Identifier: Apache-2.0
#include "model/json.h"

#include <algorithm>

#include "rapidjson.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kLargestDocument = 8 << 20;
constexpr size_t kDeepest = 32;

struct Position {
  int line = 1;
  int column = 1;  // in characters, from 1
};

Position PositionOf(std::string_view document, size_t offset) {
  Position position;
  for (size_t i = 0; i < offset && i < document.size(); ++i) {
    if (document[i] == '\n') {
      ++position.line;
      position.column = 1;
    } else if ((static_cast<unsigned char>(document[i]) & 0xc0) != 0x80) {
      ++position.column;
    }
  }
  return position;
}

// Builds the tree from RapidJSON's events. Its names are RapidJSON's.
class Builder {
 public:
  Builder(std::string_view document, const rapidjson::MemoryStream& stream)
      : document_(document), stream_(stream) {
    open_.push_back(&root_);
  }

  bool Null() { return Scalar(Json::Kind::kNull, {}); }
  bool Bool(bool value) {
    if (!Scalar(Json::Kind::kBoolean, {})) return false;
    last_->boolean = value;
    return true;
  }
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    return Scalar(Json::Kind::kNumber, {text, size});
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return Scalar(Json::Kind::kString, {text, size});
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    const size_t offset = TokenStart();
    std::string key(text, size);
    for (const auto& [known, at] : open_.back()->keys) {
      if (known == key) return Fail(Cat("'", key, "' stands here twice"), offset);
    }
    open_.back()->keys.emplace_back(std::move(key), offset);
    end_ = stream_.Tell();
    return true;
  }
  bool StartObject() { return Open(Json::Kind::kObject); }
  bool EndObject(rapidjson::SizeType) { return Close(); }
  bool StartArray() { return Open(Json::Kind::kArray); }
  bool EndArray(rapidjson::SizeType) { return Close(); }

  const std::string& failure() const { return failure_; }
  size_t failure_offset() const { return failure_offset_; }
  Json Take() { return std::move(root_.items.front()); }

 private:
  bool Fail(std::string message, size_t offset) {
    failure_ = std::move(message);
    failure_offset_ = offset;
    return false;
  }

  // A token starts behind the one before, and behind what separates them.
  size_t TokenStart() const {
    size_t at = end_;
    while (at < document_.size() &&
           std::string_view(" \t\r\n,:").find(document_[at]) != std::string_view::npos) {
      ++at;
    }
    return at;
  }

  bool Scalar(Json::Kind kind, std::string_view text) {
    Json value;
    value.kind = kind;
    value.offset = TokenStart();
    value.text = std::string(text);
    open_.back()->items.push_back(std::move(value));
    last_ = &open_.back()->items.back();
    end_ = stream_.Tell();
    return true;
  }

  bool Open(Json::Kind kind) {
    if (open_.size() > kDeepest) {
      return Fail(Cat("more than ", kDeepest, " levels"), TokenStart());
    }
    if (!Scalar(kind, {})) return false;
    open_.push_back(last_);
    return true;
  }

  bool Close() {
    open_.pop_back();
    end_ = stream_.Tell();
    return true;
  }

  const std::string_view document_;
  const rapidjson::MemoryStream& stream_;
  Json root_;
  // The values that are open; a value does not move while it is open, since its elders grow only
  // after it is closed.
  std::vector<Json*> open_;
  Json* last_ = nullptr;
  size_t end_ = 0;
  std::string failure_;
  size_t failure_offset_ = 0;
};

// One step of a path: a name or an index.
const Json* Step(const Json& at, std::string_view* path) {
  if (path->starts_with("[\"")) {
    const size_t end = path->find("\"]");
    if (end == std::string_view::npos) return nullptr;
    const Json* next = at.Find(path->substr(2, end - 2));
    path->remove_prefix(end + 2);
    return next;
  }
  if (path->starts_with("[")) {
    const size_t end = path->find(']');
    if (end == std::string_view::npos || at.kind != Json::Kind::kArray) return nullptr;
    size_t index = 0;
    for (const char c : path->substr(1, end - 1)) {
      if (c < '0' || c > '9' || index > at.items.size()) return nullptr;
      index = index * 10 + static_cast<size_t>(c - '0');
    }
    path->remove_prefix(end + 1);
    return index < at.items.size() ? &at.items[index] : nullptr;
  }
  if (path->starts_with(".")) path->remove_prefix(1);
  // Names may have dots: the longest one that is there.
  size_t end = path->size();
  while (end != 0) {
    const Json* next = at.Find(path->substr(0, end));
    if (next != nullptr) {
      path->remove_prefix(end);
      return next;
    }
    const size_t shorter = path->substr(0, end).find_last_of(".[");
    end = shorter == std::string_view::npos ? 0 : shorter;
  }
  return nullptr;
}

// Where byte `offset` of a decoded string stands in the document.
size_t InString(std::string_view document, size_t quote, int offset) {
  size_t at = quote + 1;
  for (int decoded = 0; decoded < offset && at < document.size() && document[at] != '"';) {
    if (document[at] != '\\') {
      ++at;
      ++decoded;
      continue;
    }
    const bool unicode = at + 1 < document.size() && document[at + 1] == 'u';
    at += unicode ? 6 : 2;
    ++decoded;  // an escaped character beyond ASCII is longer; a column that is a little off helps
                // as well
  }
  return std::min(at, document.size());
}

}  // namespace

const Json* Json::Find(std::string_view key) const {
  for (size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].first == key && i < items.size()) return &items[i];
  }
  return nullptr;
}

std::string_view JsonKindName(Json::Kind kind) {
  constexpr std::string_view kNames[] = {"null",     "true or false", "a number",
                                         "a string", "an array",      "an object"};
  return kNames[static_cast<size_t>(kind)];
}

std::optional<Json> ParseJson(std::string_view document, Faults* faults) {
  const auto fault = [&](std::string message, size_t offset) {
    const Position position = PositionOf(document, offset);
    faults->push_back({"", -1, std::move(message), position.line, position.column});
    return std::nullopt;
  };
  if (document.size() > kLargestDocument) {
    return fault(Cat("the document has ", document.size(), " bytes; at most ", kLargestDocument,
                     " are read"),
                 0);
  }
  const size_t nul = document.find('\0');
  if (nul != std::string_view::npos) return fault("a NUL byte: this is no JSON text", nul);
  if (document.starts_with("\xef\xbb\xbf")) {
    return fault("a byte order mark: save the document as UTF-8 without it", 0);
  }
  rapidjson::MemoryStream stream(document.data(), document.size());
  Builder builder(document, stream);
  rapidjson::Reader reader;
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, builder);
  if (!builder.failure().empty()) return fault(builder.failure(), builder.failure_offset());
  if (result.IsError()) {
    return fault(Cat("not JSON: ", std::string_view(rapidjson::GetParseError_En(result.Code()))),
                 result.Offset());
  }
  return builder.Take();
}

void LocateFaults(std::string_view document, const Json& root, size_t first, Faults* faults) {
  for (size_t i = first; i < faults->size(); ++i) {
    Fault& fault = (*faults)[i];
    if (fault.line != 0) continue;
    std::string_view path = fault.path;
    const Json* at = &root;
    while (!path.empty()) {
      const Json* next = Step(*at, &path);
      if (next == nullptr) break;
      at = next;
    }
    size_t offset = at->offset;
    if (path.empty() && fault.offset >= 0 && at->kind == Json::Kind::kString) {
      offset = InString(document, offset, fault.offset);
    }
    const Position position = PositionOf(document, offset);
    fault.line = position.line;
    fault.column = position.column;
  }
}

}  // namespace leadcore

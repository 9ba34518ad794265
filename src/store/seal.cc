// SPDX-License-Identifier: Apache-2.0
#include "store/seal.h"

#include <sodium.h>

#include <algorithm>

#include "codec/images.h"
#include "codec/wire.h"

namespace leadcore {
namespace {

using codec_internal::Reader;
using codec_internal::UnZigZag;
using codec_internal::WriteClaim;
using codec_internal::WriteImage;
using codec_internal::Writer;
using codec_internal::ZigZag;

constexpr size_t kHashBytes = 32;
constexpr size_t kSaltBytes = 16;
static_assert(kRandomBytes >= crypto_generichash_KEYBYTES_MIN);
static_assert(kSaltBytes >= crypto_generichash_KEYBYTES_MIN);

// Once per process: it finds out which instructions the machine has. Its failure is harmless here.
void StartSodium() { [[maybe_unused]] static const int started = sodium_init(); }

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// BLAKE2b of `first` and `second` behind each other; `key` may be empty.
std::string Hash(std::string_view key, std::string_view first, std::string_view second,
                 size_t size) {
  StartSodium();
  std::string out(size, '\0');
  crypto_generichash_state state;
  crypto_generichash_init(&state, Bytes(key), key.size(), size);
  crypto_generichash_update(&state, Bytes(first), first.size());
  crypto_generichash_update(&state, Bytes(second), second.size());
  crypto_generichash_final(&state, reinterpret_cast<unsigned char*>(out.data()), size);
  return out;
}

// What the batch wrote, behind the story of its first event.
void AppendChanges(const Batch& batch, const Writes& writes, std::string* payload) {
  size_t size = payload->size() + 64 * (writes.puts.size() + batch.claims.size() + 1);
  for (const Put& put : writes.puts) size += put.body.size();
  payload->reserve(size);
  Writer writer(payload);
  // What a batch that erases takes away must not be told.
  const bool erases = !writes.erase.empty();
  for (size_t i = 0; !erases && i < writes.deletes.size(); ++i) {
    const RecordKey& key = writes.deletes[i];
    WriteImage(static_cast<uint32_t>(key.kind), key.id, nullptr, &writer);
  }
  for (const Put& put : writes.puts) {
    WriteImage(static_cast<uint32_t>(put.key.kind), put.key.id, &put.body, &writer);
  }
  for (const Claim& claim : batch.claims) {
    WriteClaim(codec_internal::kClaimsNumber, claim.key, claim.holder, &writer);
  }
  for (size_t i = 0; !erases && i < batch.releases.size(); ++i) {
    const Claim& claim = batch.releases[i];
    WriteClaim(codec_internal::kReleasesNumber, claim.key, claim.holder, &writer);
  }
  writer.PlainText(codec_internal::kFingerprintNumber, batch.fingerprint);
}

// Both the header and the columns of a store hold counters in this form.
void WriteCounters(const std::vector<CounterWrite>& counters, Writer* writer) {
  for (const CounterWrite& counter : counters) {
    writer->Message(8, [&] {
      writer->PlainText(1, counter.name);
      writer->PlainVarint(2, ZigZag(counter.value));
    });
  }
}

}  // namespace

RandomSource SystemRandom() {
  return [](std::span<unsigned char> bytes) { randombytes_buf(bytes.data(), bytes.size()); };
}

bool AllCommitted(std::span<const CommitResult> results, std::span<const size_t> places) {
  return std::all_of(places.begin(), places.end(), [&](size_t place) {
    return place < results.size() && results[place].code == CommitResult::Code::kCommitted;
  });
}

std::string DrawRandom(const RandomSource& source) {
  std::string random(kRandomBytes, '\0');
  source({reinterpret_cast<unsigned char*>(random.data()), random.size()});
  return random;
}

std::string EncodeCounters(const std::vector<CounterWrite>& counters) {
  std::string out;
  Writer writer(&out);
  WriteCounters(counters, &writer);
  return out;
}

absl::StatusOr<std::vector<CounterWrite>> DecodeCounters(std::string_view bytes) {
  std::vector<CounterWrite> counters;
  Reader reader(bytes);
  while (reader.Next()) {
    std::string_view part;
    if (!reader.Bytes(&part)) continue;
    CounterWrite& counter = counters.emplace_back();
    Reader member(part);
    while (member.Next()) {
      uint64_t bits = 0;
      if (member.number() == 1) member.Text(&counter.name);
      if (member.number() == 2 && member.Varint(&bits)) counter.value = UnZigZag(bits);
    }
    if (!member.ok()) return codec_internal::Damaged("counters: ", member.fault());
  }
  if (!reader.ok()) return codec_internal::Damaged("counters: ", reader.fault());
  return counters;
}

std::string EncodeEventHeader(const Event& event) {
  std::string out;
  out.reserve(512);
  Writer writer(&out);
  writer.PlainVarint(1, static_cast<uint64_t>(event.position));
  writer.PlainText(2, event.type);
  writer.Timestamp(3, event.time);
  writer.PlainText(4, event.actor);
  writer.PlainText(5, event.request_id);
  writer.PlainText(6, event.model);
  for (const std::string& lead : event.leads) writer.Text(7, lead);
  WriteCounters(event.counters, &writer);
  if (!event.reply.empty()) writer.Bytes(9, event.reply);
  writer.OptionalTimestamp(10, event.forgot_requests_before);
  writer.PlainVarint(11, static_cast<uint64_t>(event.batch_events));
  writer.Bytes(12, event.payload_hash);
  return out;
}

std::string KeyedHash(std::string_view key, std::string_view text) {
  return Hash(key, text, "", kHashBytes);
}

std::string NextChain(std::string_view chain, std::string_view header) {
  return Hash("", chain, header, kHashBytes);
}

void SealEvents(const Batch& batch, std::string_view random, FeedHead* head, Writes* writes) {
  for (size_t i = 0; i < writes->events.size(); ++i) {
    Event& event = writes->events[i];
    event.position = ++head->position;
    if (i == 0) {
      event.batch_events = static_cast<int64_t>(writes->events.size());
      event.counters = writes->counters;
      event.reply = writes->reply;
      event.forgot_requests_before = batch.forget_requests_before;
    }
    if (event.payload_hash.empty()) {
      if (i == 0) AppendChanges(batch, *writes, &event.payload);
      event.salt = Hash(random, "salt", std::to_string(i), kSaltBytes);
      event.payload_hash = KeyedHash(event.salt, event.payload);
    }
    event.chain = NextChain(head->chain, EncodeEventHeader(event));
    head->chain = event.chain;
  }
}

}  // namespace leadcore

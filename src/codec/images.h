// SPDX-License-Identifier: Apache-2.0
//
// The parts of an EventPayload that stores add to it without building one.
#ifndef LEADCORE_SRC_CODEC_IMAGES_H_
#define LEADCORE_SRC_CODEC_IMAGES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/wire.h"

namespace leadcore::codec_internal {

// Numbers of leadcore.v1.EventPayload.
inline constexpr uint32_t kImagesNumber = 4;
inline constexpr uint32_t kClaimsNumber = 5;
inline constexpr uint32_t kReleasesNumber = 6;
inline constexpr uint32_t kFingerprintNumber = 7;
// The body of a record of kind k is member k + 2 of its image.
inline constexpr uint32_t kImageOffset = 2;
inline constexpr uint32_t kLastImage = 8;

// `body` nullptr: the record was deleted.
void WriteImage(uint32_t kind, std::string_view id, const std::string* body, Writer* writer);
void WriteClaim(uint32_t number, std::string_view key, std::string_view holder, Writer* writer);

}  // namespace leadcore::codec_internal

#endif  // LEADCORE_SRC_CODEC_IMAGES_H_

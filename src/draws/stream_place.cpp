// SPDX-License-Identifier: MIT
#include "draws/stream_place.hpp"

#include <bit>
#include <type_traits>

namespace lldm {
namespace {

/// What a Stream consists of.  It shows none of it, so that nobody on the host draws past it; a
/// test holds the order of its members.
struct Image {
  std::uint64_t key, subsequence, block;
  std::uint32_t buffer[4];
  int used;
};
static_assert(std::is_trivially_copyable_v<Stream> && sizeof(Image) == sizeof(Stream) &&
              alignof(Image) == alignof(Stream));

}  // namespace

StreamPlace place_of(const Stream& stream) {
  const auto image = std::bit_cast<Image>(stream);
  return {image.key, image.subsequence};
}

}  // namespace lldm

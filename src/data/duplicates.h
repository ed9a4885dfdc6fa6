// Internal to the check: fingerprints of pictures, and groups of the same ones.
#ifndef LINNET_DATA_DUPLICATES_H_
#define LINNET_DATA_DUPLICATES_H_

#include <array>
#include <cstdint>
#include <vector>

#include "data/image.h"
#include "kernels/resize.h"

namespace linnet::internal {

// What is kept of a picture to compare it with others.
struct Fingerprint {
  static constexpr int kSide = 16;

  std::array<uint64_t, 2> exact{};  // 128 bits of size and pixels
  uint64_t perceptual = 0;  // difference hash: is a cell of 9 x 8 brighter than its left neighbour
  std::array<uint8_t, kSide * kSide * 3> thumbnail{};
};

Fingerprint FingerprintOf(const Image& image, kernels::ResizeScratch& scratch);

// Groups of two or more indices into 'prints', each ascending, in the order of their first. Broken
// pictures are left out beforehand, by 'indices'.
std::vector<std::vector<int64_t>> ExactGroups(const std::vector<Fingerprint>& prints,
                                              const std::vector<int64_t>& indices);

// The same for nearly equal pictures: perceptual hashes that differ in at most 7 bits and
// thumbnails that agree. Call it with one index of each exact group.
std::vector<std::vector<int64_t>> NearGroups(const std::vector<Fingerprint>& prints,
                                             const std::vector<int64_t>& indices);

// Whether two thumbnails show the same picture: correlation of their pixels, or, where both are
// nearly plain, their difference.
bool SameThumbnail(const Fingerprint& a, const Fingerprint& b);

}  // namespace linnet::internal

#endif  // LINNET_DATA_DUPLICATES_H_

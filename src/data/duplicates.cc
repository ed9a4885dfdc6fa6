#include "data/duplicates.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

namespace linnet::internal {
namespace {

uint64_t Mix(uint64_t hash, uint64_t value, uint64_t multiplier) {
  hash = (hash ^ value) * multiplier;
  return hash ^ hash >> 29;
}

std::array<uint64_t, 2> HashPixels(const Image& image) {
  constexpr uint64_t kA = 0x9E3779B97F4A7C15, kB = 0xC2B2AE3D27D4EB4F;  // odd, well mixed
  std::array<uint64_t, 2> hash = {kB, kA};
  const auto add = [&](uint64_t value) {
    hash[0] = Mix(hash[0], value, kA);
    hash[1] = Mix(hash[1], value, kB);
  };
  add(static_cast<uint64_t>(image.width));
  add(static_cast<uint64_t>(image.height));
  uint64_t word = 0;
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    word = word << 8 | image.pixels[i];
    if (i % 8 == 7) add(word);
  }
  add(word);
  return hash;
}

void Shrink(const Image& image, int width, int height, uint8_t* dst,
            kernels::ResizeScratch& scratch) {
  kernels::ResizeRgb(image.pixels.data(), image.width, image.height,
                     {0, 0, double(image.width), double(image.height)},
                     kernels::ResizeFilter::kBilinear, dst, width, height, scratch);
}

uint64_t DifferenceHash(const Image& image, kernels::ResizeScratch& scratch) {
  uint8_t cells[8 * 9 * 3];
  Shrink(image, 9, 8, cells, scratch);
  const auto grey = [&](int x, int y) {
    const uint8_t* p = cells + 3 * (9 * y + x);
    return 2 * p[0] + 4 * p[1] + p[2];
  };
  uint64_t hash = 0;
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) hash = hash << 1 | (grey(x + 1, y) > grey(x, y) ? 1 : 0);
  }
  return hash;
}

// Union-find over positions.
class Groups {
 public:
  explicit Groups(size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), 0); }
  size_t Find(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  // The smaller position leads, so the groups do not depend on the order of joining.
  void Join(size_t a, size_t b) {
    a = Find(a), b = Find(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<size_t> parent_;
};

}  // namespace

Fingerprint FingerprintOf(const Image& image, kernels::ResizeScratch& scratch) {
  Fingerprint print;
  print.exact = HashPixels(image);
  print.perceptual = DifferenceHash(image, scratch);
  Shrink(image, Fingerprint::kSide, Fingerprint::kSide, print.thumbnail.data(), scratch);
  return print;
}

bool SameThumbnail(const Fingerprint& a, const Fingerprint& b) {
  constexpr double kCount = Fingerprint::kSide * Fingerprint::kSide * 3;
  constexpr double kLeastCorrelation = 0.985, kPlainDeviation = 4, kMostDifference = 6;
  double sum_a = 0, sum_b = 0, square_a = 0, square_b = 0, product = 0;
  for (size_t i = 0; i < a.thumbnail.size(); ++i) {
    const double x = a.thumbnail[i], y = b.thumbnail[i];
    sum_a += x, sum_b += y;
    square_a += x * x, square_b += y * y, product += x * y;
  }
  const double mean_difference = std::abs(sum_a - sum_b) / kCount;
  const double variance_a = square_a / kCount - sum_a / kCount * (sum_a / kCount);
  const double variance_b = square_b / kCount - sum_b / kCount * (sum_b / kCount);
  const double covariance = product / kCount - sum_a / kCount * (sum_b / kCount);
  if (std::max(variance_a, variance_b) < kPlainDeviation * kPlainDeviation) {
    const double difference = (square_a + square_b - 2 * product) / kCount;
    return difference < 1 && mean_difference < 1;
  }
  // A copy may be brighter or flatter, but hardly much.
  return covariance > kLeastCorrelation * std::sqrt(variance_a * variance_b) &&
         mean_difference < 4 * kMostDifference;
}

std::vector<std::vector<int64_t>> ExactGroups(const std::vector<Fingerprint>& prints,
                                              const std::vector<int64_t>& indices) {
  std::map<std::array<uint64_t, 2>, std::vector<int64_t>> by_hash;
  for (const int64_t i : indices) by_hash[prints[static_cast<size_t>(i)].exact].push_back(i);
  std::vector<std::vector<int64_t>> groups;
  for (auto& [hash, members] : by_hash) {
    if (members.size() > 1) groups.push_back(std::move(members));
  }
  std::sort(groups.begin(), groups.end());
  return groups;
}

std::vector<std::vector<int64_t>> NearGroups(const std::vector<Fingerprint>& prints,
                                             const std::vector<int64_t>& indices) {
  constexpr int kMostBits = 7;
  Groups groups(indices.size());
  const auto print = [&](size_t position) -> const Fingerprint& {
    return prints[static_cast<size_t>(indices[position])];
  };
  // Hashes that differ in at most 7 of 64 bits agree in one of eight bytes: only those that share a
  // byte are compared.
  for (int byte = 0; byte < 8; ++byte) {
    std::array<std::vector<std::pair<uint64_t, uint32_t>>, 256> buckets;
    for (size_t i = 0; i < indices.size(); ++i) {
      const uint64_t hash = print(i).perceptual;
      buckets[hash >> (8 * byte) & 255].emplace_back(hash, static_cast<uint32_t>(i));
    }
    for (const auto& bucket : buckets) {
      for (size_t a = 0; a < bucket.size(); ++a) {
        for (size_t b = a + 1; b < bucket.size(); ++b) {
          if (std::popcount(bucket[a].first ^ bucket[b].first) > kMostBits) continue;
          const size_t i = bucket[a].second, j = bucket[b].second;
          if (groups.Find(i) != groups.Find(j) && SameThumbnail(print(i), print(j)))
            groups.Join(i, j);
        }
      }
    }
  }
  std::map<size_t, std::vector<int64_t>> members;
  for (size_t i = 0; i < indices.size(); ++i) members[groups.Find(i)].push_back(indices[i]);
  std::vector<std::vector<int64_t>> result;
  for (auto& [leader, group] : members) {
    if (group.size() > 1) result.push_back(std::move(group));
  }
  return result;
}

}  // namespace linnet::internal

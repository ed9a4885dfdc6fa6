// A 64-bit checksum against accidents (flipped bits, lost blocks), not against malice.
#ifndef LINNET_BASE_CHECKSUM_H_
#define LINNET_BASE_CHECKSUM_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace linnet {

static_assert(std::endian::native == std::endian::little, "files are written as memory holds them");

// FNV-1a over 64-bit words, with a shift so that high bits reach the low ones. Every step is a
// bijection, so any change inside one word changes the result. Texts of different lengths are kept
// apart by hashing the length too.
class Checksum {
 public:
  void Add(std::string_view bytes) {
    Step(bytes.size());
    while (bytes.size() >= 8) {
      AddWord(bytes.data(), 8);
      bytes.remove_prefix(8);
    }
    if (!bytes.empty()) AddWord(bytes.data(), bytes.size());
  }
  uint64_t value() const { return hash_; }

 private:
  void AddWord(const char* data, size_t size) {
    uint64_t word = 0;
    std::memcpy(&word, data, size);
    Step(word);
  }
  void Step(uint64_t word) {
    hash_ = (hash_ ^ word) * 0x100000001b3u;
    hash_ ^= hash_ >> 29;
  }
  uint64_t hash_ = 0xcbf29ce484222325u;
};

}  // namespace linnet

#endif  // LINNET_BASE_CHECKSUM_H_

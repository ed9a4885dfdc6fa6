// Files: mapped reading, and writing that never leaves half a file.
#ifndef LINNET_BASE_FILE_H_
#define LINNET_BASE_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace linnet {

// A whole file mapped for reading; the mapping lives as long as the object. An empty file has no
// bytes.
class MappedFile {
 public:
  // Error (kFile) naming the path if it cannot be opened or mapped.
  static std::shared_ptr<const MappedFile> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  std::span<const uint8_t> bytes() const { return {data_, size_}; }

 private:
  MappedFile() = default;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// The whole file as a string, read and not mapped: a disk that fails, or a file that is cut
// meanwhile, is an error and no SIGBUS. Error (kFile) naming the path.
std::string ReadFile(const std::string& path);

// The bytes of a text, for readers of binary.
inline std::span<const uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Writes to 'path'.tmp, syncs, renames: at every moment 'path' is the old file or the whole new
// one, also where several threads or processes write it. Error (kFile) naming the path; the old
// file is then intact.
void WriteFileAtomic(const std::string& path, std::span<const std::string_view> pieces);
void WriteFileAtomic(const std::string& path, std::string_view contents);

// Where this user's programs remember what can be found out again: $XDG_CACHE_HOME/linnet, else
// $HOME/.cache/linnet (XDG Base Directory Specification). Need not exist; empty if neither variable
// is an absolute path.
std::string UserCacheFolder();

}  // namespace linnet

#endif  // LINNET_BASE_FILE_H_

#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/error.h"

namespace linnet {
namespace {

[[noreturn]] void FailErrno(const std::string& path, const char* what) {
  Fail(ErrorKind::kFile, "{}: cannot {}: {}", path, what, std::strerror(errno));
}

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags)
      : fd_(open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  int get() const { return fd_; }

 private:
  int fd_;
};

Descriptor OpenFile(const std::string& path, struct stat* info) {
  Descriptor descriptor(path, O_RDONLY | O_NONBLOCK);  // a pipe without a writer must not hang
  if (descriptor.get() < 0 || fstat(descriptor.get(), info) != 0) FailErrno(path, "open");
  if (!S_ISREG(info->st_mode)) {
    Fail(ErrorKind::kFile, "{}: expected a file, found a folder or device", path);
  }
  return descriptor;
}

// A file for one writer at a time: who comes second waits until the first has renamed it,
// and then makes his own. One name for all, so that a killed process leaves a file that is used
// again, not one more for each. Without a descriptor, with errno, where it cannot be made.
Descriptor OpenTemporary(const std::string& path) {
  for (;;) {
    // No link is followed, and a pipe without a reader must not hang.
    Descriptor descriptor(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
    struct stat mine, there;
    if (descriptor.get() < 0 || fstat(descriptor.get(), &mine) != 0) return descriptor;
    flock(descriptor.get(), LOCK_EX);  // a file system without locks: as good as it gets
    if (stat(path.c_str(), &there) == 0 && mine.st_ino == there.st_ino) return descriptor;
  }
}

bool WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// A rename is durable only when its folder is synced too.
void SyncFolderOf(const std::string& path) {
  std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) folder = ".";
  const Descriptor descriptor(folder.string(), O_RDONLY | O_DIRECTORY);
  if (descriptor.get() >= 0) fsync(descriptor.get());
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::Open(const std::string& path) {
  struct stat info;
  const Descriptor descriptor = OpenFile(path, &info);
  std::shared_ptr<MappedFile> file(new MappedFile);
  if (info.st_size == 0) return file;
  file->size_ = static_cast<size_t>(info.st_size);
  void* data = mmap(nullptr, file->size_, PROT_READ, MAP_PRIVATE, descriptor.get(), 0);
  if (data == MAP_FAILED) FailErrno(path, "map");
  file->data_ = static_cast<const uint8_t*>(data);
  return file;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<uint8_t*>(data_), size_);
}

std::string ReadFile(const std::string& path) {
  struct stat info;
  const Descriptor descriptor = OpenFile(path, &info);
  std::string bytes(static_cast<size_t>(info.st_size) + 1, '\0');  // so that the end is met
  size_t size = 0;
  for (;;) {
    if (size == bytes.size()) bytes.resize(2 * size);  // it has grown
    const ssize_t n = read(descriptor.get(), bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) FailErrno(path, "read");
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  bytes.resize(size);
  return bytes;
}

void WriteFileAtomic(const std::string& path, std::span<const std::string_view> pieces) {
  struct stat before;
  const bool replaces = stat(path.c_str(), &before) == 0;
  if (replaces && !S_ISREG(before.st_mode)) {
    Fail(ErrorKind::kFile, "{}: expected the name of a file, found a folder, pipe or device", path);
  }
  const std::string temporary = path + ".tmp";
  const auto fail = [&](const char* what) {
    const int error = errno;
    unlink(temporary.c_str());
    errno = error;
    FailErrno(path, what);
  };
  {
    const Descriptor descriptor = OpenTemporary(temporary);
    if (descriptor.get() < 0) FailErrno(path, "write");
    if (ftruncate(descriptor.get(), 0) != 0) fail("write");
    for (const std::string_view piece : pieces) {
      if (!WriteAll(descriptor.get(), piece)) fail("write");
    }
    if (fsync(descriptor.get()) != 0) fail("sync");
    if (std::rename(temporary.c_str(), path.c_str()) != 0) fail("rename");
    // As far as one may; and not before, as a temporary file that is left has to be writable.
    if (replaces) fchmod(descriptor.get(), before.st_mode & 0777);
  }
  SyncFolderOf(path);
}

void WriteFileAtomic(const std::string& path, std::string_view contents) {
  WriteFileAtomic(path, std::span(&contents, 1));
}

std::string UserCacheFolder() {
  const auto absolute = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value != nullptr && value[0] == '/' ? value : "";
  };
  if (const std::string cache = absolute("XDG_CACHE_HOME"); !cache.empty()) {
    return cache + "/linnet";
  }
  const std::string home = absolute("HOME");
  return home.empty() ? "" : home + "/.cache/linnet";
}

}  // namespace linnet

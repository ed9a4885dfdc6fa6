#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

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
  int get() const { return fd_; }

 private:
  int fd_;
};

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
  const Descriptor descriptor(path, O_RDONLY);
  struct stat info;
  if (descriptor.get() < 0 || fstat(descriptor.get(), &info) != 0) FailErrno(path, "open");
  if (!S_ISREG(info.st_mode))
    Fail(ErrorKind::kFile, "{}: expected a file, found a folder or device", path);
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
  const auto file = MappedFile::Open(path);
  return std::string(reinterpret_cast<const char*>(file->data()), file->size());
}

void WriteFileAtomic(const std::string& path, std::span<const std::string_view> pieces) {
  const std::string temporary = path + ".tmp";
  const auto fail = [&](const char* what) {
    const int error = errno;
    unlink(temporary.c_str());
    errno = error;
    FailErrno(path, what);
  };
  {
    const Descriptor descriptor(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (descriptor.get() < 0) FailErrno(path, "write");
    for (const std::string_view piece : pieces) {
      if (!WriteAll(descriptor.get(), piece)) fail("write");
    }
    if (fsync(descriptor.get()) != 0) fail("sync");
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) fail("rename");
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

// Real data for tests: a folder named by the environment variable LINNET_DATA, else shared/data
// beside the project; a relative name is seen from the project, wherever the test runs. A test that
// finds none skips itself with a sentence.
#ifndef LINNET_TESTS_TEST_DATA_H_
#define LINNET_TESTS_TEST_DATA_H_

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace linnet {

// The path of 'relative' inside the data folder, if it is there.
inline std::optional<std::string> TestData(const std::string& relative) {
  const char* named = std::getenv("LINNET_DATA");
  const bool is_named = named != nullptr && *named != '\0';
  const std::filesystem::path path =
      std::filesystem::path(LINNET_SOURCE_DIR) / (is_named ? named : "../shared/data") / relative;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  return path.string();
}

// An empty folder for a test to write into, gone when the object is.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "linnet_test_XXXXXX").string();
    path_ = ::mkdtemp(name.data()) == nullptr ? std::string() : name;
  }
  ~TemporaryFolder() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// A name in a folder of the process; what a test before left there is gone.
inline std::string FreshFolder(const std::string& name) {
  static const TemporaryFolder all;
  const std::string folder = all / name;
  std::filesystem::remove_all(folder);
  return folder;
}

}  // namespace linnet

#endif  // LINNET_TESTS_TEST_DATA_H_

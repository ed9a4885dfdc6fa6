// The synthetic set as files.
#include <archive.h>
#include <archive_entry.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "data/encode.h"
#include "data/shapes.h"

namespace linnet {
namespace {

namespace fs = std::filesystem;

// Takes a relative path and the contents.
using Sink = std::function<void(const std::string&, const std::string&)>;

void WriteFile(const std::string& path, const std::string& bytes) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  if (error) Fail(ErrorKind::kFile, "{}: cannot make its folder: {}", path, error.message());
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) Fail(ErrorKind::kFile, "{}: cannot write: {}", path, std::strerror(errno));
}

using Writer = std::unique_ptr<archive, decltype(&archive_write_free)>;

void Require(int status, archive* writer, const std::string& path) {
  if (status >= ARCHIVE_WARN) return;
  const char* reason = archive_error_string(writer);
  Fail(ErrorKind::kFile, "{}: cannot write: {}", path, reason == nullptr ? "unknown" : reason);
}

void WriteEntry(archive* writer, const std::string& out, const std::string& path,
                const std::string& bytes) {
  const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(),
                                                                            archive_entry_free);
  archive_entry_set_pathname(entry.get(), path.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);
  archive_entry_set_mtime(entry.get(), 0, 0);  // the same bytes each time
  Require(archive_write_header(writer, entry.get()), writer, out);
  if (archive_write_data(writer, bytes.data(), bytes.size()) !=
      static_cast<la_ssize_t>(bytes.size())) {
    Require(ARCHIVE_FATAL, writer, out);
  }
}

void WriteAll(const ShapesOptions& options, const Dataset& dataset,
              const ProgressSink& progress_sink, const Sink& sink) {
  Progress progress(progress_sink, "shapes", options.count, "pictures");
  std::string boxes = "file,label,x0,y0,x1,y1\n";
  int64_t done = 0;
  for (const auto& items : dataset.splits) {
    for (const DataItem& item : items) {
      const ShapePicture picture = DrawShape(options, static_cast<int64_t>(item.offset));
      sink(item.name, EncodePng(picture.image));
      const auto& [x0, y0, x1, y1] = picture.box;
      boxes += fmt::format("{},{},{},{},{},{}\n", item.name,
                           dataset.classes[static_cast<size_t>(item.label)], x0, y0, x1, y1);
      progress.Update(++done);
    }
  }
  sink("boxes.csv", boxes);
  progress.Finish();
}

void WriteTar(const std::string& path, const ShapesOptions& options, const Dataset& dataset,
              const ProgressSink& sink) {
  const Writer writer(archive_write_new(), archive_write_free);
  if (writer == nullptr) throw std::bad_alloc();
  archive_write_set_format_ustar(writer.get());
  Require(archive_write_open_filename(writer.get(), path.c_str()), writer.get(), path);
  WriteAll(options, dataset, sink, [&](const std::string& name, const std::string& bytes) {
    WriteEntry(writer.get(), path, name, bytes);
  });
  Require(archive_write_close(writer.get()), writer.get(), path);
}

void Rename(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) Fail(ErrorKind::kFile, "{}: cannot rename: {}", to.string(), error.message());
}

}  // namespace

void WriteShapes(const std::string& out, const ShapesOptions& options, const ProgressSink& sink) {
  const Dataset dataset = ShapesDataset(options);  // what is wrong with options is told first
  // All of it is made under another name, so that a part of the set never passes for the whole.
  const bool is_tar = out.ends_with(".tar");
  const fs::path part = is_tar ? fs::path(out + ".part") : fs::path(out) / ".linnet.part";
  std::error_code error;
  if (!is_tar) fs::remove_all(part, error);  // of a run that was ended; it lies inside 'out'
  if (fs::exists(out, error) && !(fs::is_directory(out, error) && fs::is_empty(out, error))) {
    Fail(ErrorKind::kUsage, "{}: is there already; expected a new or empty folder, or a new .tar",
         out);
  }
  if (is_tar) {
    fs::remove_all(part, error);
    WriteTar(part, options, dataset, sink);
    Rename(part, out);
    return;
  }
  WriteAll(options, dataset, sink, [&](const std::string& path, const std::string& bytes) {
    WriteFile((part / path).string(), bytes);
  });
  const std::vector<fs::path> made(fs::directory_iterator(part), fs::directory_iterator{});
  for (const fs::path& path : made) Rename(path, fs::path(out) / path.filename());
  fs::remove(part, error);
}

}  // namespace linnet

#include "train/checkpoint.h"

#include <filesystem>

#include "base/fields.h"
#include "base/safetensors.h"

namespace linnet {
namespace {

// The scalars of a checkpoint, by name; what is stored as text reads back as the same bits.
template <class Self, class V>
void VisitScalars(Self& c, V&& v) {
  v("identity", c.identity);
  v("epoch", c.epoch);
  v("step_in_epoch", c.step_in_epoch);
  v("loss_sum", c.loss_sum);
  v("best_top1", c.best_top1);
  v("best_epoch", c.best_epoch);
}

template <class Self, class V>
void VisitTensors(Self& c, V&& v) {
  v("weights", c.weights);
  v("momentum", c.momentum);
  v("average", c.average);
}

}  // namespace

std::string LogToCsv(const std::vector<EpochLog>& log) {
  std::string text;
  const EpochLog fresh;
  VisitFields(fresh, [&](const char* name, const auto&, const char*) {
    text += (text.empty() ? "" : ",") + std::string(name);
  });
  text += "\n";
  for (const EpochLog& row : log) {
    std::string line;
    VisitFields(row, [&](const char*, const auto& field, const char*) {
      line += (line.empty() ? "" : ",") + FieldToText(field);
    });
    text += line + "\n";
  }
  return text;
}

std::vector<EpochLog> LogFromCsv(const std::string& text, const std::string& where) {
  std::vector<EpochLog> log;
  const auto lines = SplitText(text, '\n');
  for (size_t i = 1; i < lines.size() && !lines[i].empty(); ++i) {
    const auto cells = SplitText(lines[i], ',');
    EpochLog row;
    size_t column = 0;
    VisitFields(row, [&](const char* name, auto& field, const char*) {
      if (column >= cells.size() || !FieldFromText(cells[column++], field)) {
        Fail(ErrorKind::kFile, "{}: line {} of the log: expected a number for {}", where, i + 1,
             name);
      }
    });
    log.push_back(row);
  }
  return log;
}

void SaveCheckpoint(const std::string& path, const Checkpoint& checkpoint) {
  Metadata metadata;
  VisitScalars(checkpoint,
               [&](const char* name, const auto& value) { metadata[name] = FieldToText(value); });
  metadata["log"] = LogToCsv(checkpoint.log);
  TensorMap tensors;
  VisitTensors(checkpoint, [&](const char* name, const Tensor& tensor) { tensors[name] = tensor; });
  SaveTensors(path, tensors, metadata);
}

std::optional<Checkpoint> LoadCheckpoint(const std::string& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  TensorFile file = LoadTensors(path);
  Checkpoint checkpoint;
  VisitScalars(checkpoint, [&](const char* name, auto& value) {
    if (!FieldFromText(file.metadata[name], value)) {
      Fail(ErrorKind::kFile, "{}: expected a checkpoint, but its '{}' is missing or wrong", path,
           name);
    }
  });
  checkpoint.log = LogFromCsv(file.metadata["log"], path);
  VisitTensors(checkpoint, [&](const char* name, Tensor& tensor) {
    tensor = file.tensors[name];
    if (!tensor || tensor.dtype() != DType::kF32) {
      Fail(ErrorKind::kFile, "{}: expected a checkpoint, but tensor '{}' is missing", path, name);
    }
  });
  return checkpoint;
}

}  // namespace linnet

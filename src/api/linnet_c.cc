#include <linnet/linnet.h>

#include <new>
#include <string>

#include "api/model_runner.h"
#include "base/c_guard.h"
#include "data/decode.h"

struct linnet_model {
  linnet::ModelRunner runner;
};

namespace linnet {
namespace {

void Classify(linnet_model* model, const ImageView& image, linnet_label* labels, int capacity,
              int* count) {
  Expect(capacity > 0 && labels != nullptr, "there is no room for a label");
  int n = 0;
  for (const ClassScore& scored : model->runner.Classify(image, capacity)) {
    const std::string& name = model->runner.LabelName(scored.index);
    labels[n++] = {name.c_str(), scored.index, scored.score};
  }
  *count = n;
}

// The checks that all three ways to give a picture share.
template <class MakeImage>
int GuardClassify(linnet_model* model, linnet_label* labels, int capacity, int* count,
                  MakeImage&& make_image) {
  return Guard([&] {
    Expect(model != nullptr && count != nullptr, "model and count must not be NULL");
    *count = 0;
    Classify(model, make_image(), labels, capacity, count);
  });
}

}  // namespace
}  // namespace linnet

using linnet::Expect;
using linnet::Guard;
using linnet::GuardClassify;

const char* linnet_version(void) { return LINNET_VERSION; }
const char* linnet_last_error(void) { return linnet::last_error.c_str(); }

int linnet_load(const char* path, int threads, linnet_model** model) {
  return Guard([&] {
    Expect(model != nullptr, "model must not be NULL");
    *model = nullptr;
    Expect(path != nullptr, "path must not be NULL");
    *model = new linnet_model{{linnet::LoadModel(path), threads}};
  });
}

void linnet_free(linnet_model* model) { delete model; }

int linnet_class_count(const linnet_model* model) {
  return model == nullptr ? 0 : model->runner.classes();
}

const char* linnet_class_name(const linnet_model* model, int index) {
  if (index < 0 || index >= linnet_class_count(model)) return nullptr;
  return model->runner.LabelName(index).c_str();
}

int linnet_classify_rgb(linnet_model* model, const uint8_t* rgb, int width, int height,
                        linnet_label* labels, int capacity, int* count) {
  return GuardClassify(model, labels, capacity, count,
                       [&] { return linnet::ImageView(width, height, rgb); });
}

int linnet_classify_encoded(linnet_model* model, const void* bytes, size_t size,
                            linnet_label* labels, int capacity, int* count) {
  linnet::Image image;
  return GuardClassify(model, labels, capacity, count, [&] {
    Expect(bytes != nullptr || size == 0, "bytes must not be NULL");
    const std::span<const uint8_t> file(static_cast<const uint8_t*>(bytes), size);
    image = linnet::DecodeImage(file, "the picture in memory").image;
    return linnet::ImageView(image);
  });
}

int linnet_classify_file(linnet_model* model, const char* path, linnet_label* labels, int capacity,
                         int* count) {
  linnet::Image image;
  return GuardClassify(model, labels, capacity, count, [&] {
    Expect(path != nullptr, "path must not be NULL");
    image = linnet::ReadImage(path).image;
    return linnet::ImageView(image);
  });
}

int linnet_measure_latency(linnet_model* model, double seconds, linnet_latency* figures) {
  return Guard([&] {
    Expect(model != nullptr && figures != nullptr, "model and figures must not be NULL");
    const linnet::Latency latency = model->runner.MeasureLatency({.min_seconds = seconds});
    *figures = {latency.median_ms, latency.p95_ms, latency.p99_ms, latency.runs};
  });
}

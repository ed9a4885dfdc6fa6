#include <linnet/linnet.hpp>

#include "api/model_runner.h"
#include "data/decode.h"

namespace linnet {
namespace {

Failure::Kind KindOf(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::kUsage:
      return Failure::kUsage;
    case ErrorKind::kData:
      return Failure::kData;
    case ErrorKind::kFile:
      return Failure::kFile;
    default:
      return Failure::kInternal;
  }
}

// Calls f; what it throws leaves as a Failure.
template <class F>
auto Translate(F&& f) {
  try {
    return f();
  } catch (const Error& error) {
    throw Failure(KindOf(error), error.what());
  } catch (const std::exception& error) {
    throw Failure(Failure::kInternal, error.what());
  }
}

}  // namespace

struct Classifier::Impl {
  ModelRunner runner;
  Impl(const std::string& path, int threads) : runner(LoadModel(path), threads) {}

  std::vector<Label> Classify(const ImageView& image, int top) {
    std::vector<Label> labels;
    for (const ClassScore& scored : runner.Classify(image, top)) {
      labels.push_back({runner.LabelName(scored.index), scored.index, scored.score});
    }
    return labels;
  }
};

const char* Version() noexcept { return LINNET_VERSION; }

Failure::~Failure() = default;

Classifier::Classifier(const std::string& path, int threads)
    : impl_(Translate([&] { return std::make_unique<Impl>(path, threads); })) {}
Classifier::~Classifier() = default;
Classifier::Classifier(Classifier&&) noexcept = default;
Classifier& Classifier::operator=(Classifier&&) noexcept = default;

std::vector<Label> Classifier::ClassifyFile(const std::string& path, int top) const {
  return Translate([&] { return impl_->Classify(ReadImage(path).image, top); });
}

std::vector<Label> Classifier::ClassifyEncoded(const void* bytes, size_t size, int top) const {
  return Translate([&] {
    if (bytes == nullptr && size > 0)
      Fail(ErrorKind::kUsage, "bytes: expected a picture, got null");
    const std::span<const uint8_t> file(static_cast<const uint8_t*>(bytes), size);
    return impl_->Classify(DecodeImage(file, "the picture in memory").image, top);
  });
}

std::vector<Label> Classifier::ClassifyRgb(const uint8_t* rgb, int width, int height,
                                           int top) const {
  return Translate([&] { return impl_->Classify({width, height, rgb}, top); });
}

const std::vector<std::string>& Classifier::labels() const noexcept {
  return impl_->runner.model().labels;
}
int Classifier::classes() const noexcept { return impl_->runner.classes(); }
int Classifier::input_width() const noexcept { return impl_->runner.model().pipeline.width(); }
int Classifier::input_height() const noexcept { return impl_->runner.model().pipeline.height(); }

LatencyFigures Classifier::MeasureLatency(double seconds) const {
  return Translate([&] {
    const Latency latency = impl_->runner.MeasureLatency({.min_seconds = seconds});
    return LatencyFigures{latency.median_ms, latency.p95_ms, latency.p99_ms, latency.runs};
  });
}

}  // namespace linnet

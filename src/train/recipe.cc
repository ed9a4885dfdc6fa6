#include "train/recipe.h"

#include <algorithm>
#include <vector>

namespace linnet {
namespace {

constexpr size_t kSurveyed = 64;

bool IsGrey(const Image& image) {
  for (size_t i = 0; i < image.pixels.size(); i += Image::channels) {
    if (image.pixels[i] != image.pixels[i + 1] || image.pixels[i] != image.pixels[i + 2])
      return false;
  }
  return true;
}

void SetDefault(ArchSpec& spec, const Arch& arch, const std::string& key,
                const std::string& value) {
  const auto is_key = [&](const auto& option) { return option.first == key; };
  if (HasOption(arch, key) && std::none_of(spec.options.begin(), spec.options.end(), is_key)) {
    SetOption(spec, key, value);
  }
}

}  // namespace

PictureSurvey SurveyPictures(const Dataset& data) {
  const std::vector<DataItem>& items = data.items(Split::kTrain);
  const size_t stride = std::max<size_t>(1, (items.size() + kSurveyed - 1) / kSurveyed);
  std::vector<int> sides;
  PictureSurvey survey{.grey = true};
  for (size_t i = 0; i < items.size(); i += stride) {
    try {
      const Image image = data.Load(items[i]);
      sides.push_back(std::min(image.width, image.height));
      survey.grey = survey.grey && IsGrey(image);
    } catch (const Error&) {
      continue;  // training reports it
    }
  }
  if (sides.empty()) {
    Fail(ErrorKind::kData,
         "{}: none of the training pictures looked at can be decoded; see `linnet data check`",
         data.path);
  }
  std::nth_element(sides.begin(), sides.begin() + sides.size() / 2, sides.end());
  survey.side = sides[sides.size() / 2];
  return survey;
}

ArchSpec FitArchToData(ArchSpec spec, const Dataset& data, const PictureSurvey& survey) {
  const Arch& arch = FindArch(spec.name);
  SetDefault(spec, arch, "classes", std::to_string(data.classes.size()));
  if (survey.small() && HasOption(arch, "small_input")) {
    SetDefault(spec, arch, "small_input", "true");
    SetDefault(spec, arch, "size", std::to_string(survey.side));
  }
  return spec;
}

ImagePipeline DefaultPipeline(const Graph& graph, const PictureSurvey& survey) {
  const Input* input = graph.nodes.empty() ? nullptr : std::get_if<Input>(&graph.nodes[0].op);
  if (input == nullptr) Fail(ErrorKind::kUsage, "a network's first node is its input");
  ImagePipeline pipeline;
  pipeline.size = {input->height, input->width};
  pipeline.channels = input->channels;
  if (survey.small()) pipeline.crop_pct = 1;
  return pipeline;
}

AugmentOptions DefaultAugment(const PictureSurvey& survey, int size) {
  AugmentOptions augment;
  augment.crop = survey.small() ? CropMode::kRandom : CropMode::kResized;
  augment.pad = std::max(1, size / 8);
  if (survey.grey) augment.flip = 0;
  return augment;
}

void EnsureValidation(Dataset& data, double fraction) {
  if (fraction > 0 && data.items(Split::kVal).empty())
    HoldOut(data, Split::kTrain, Split::kVal, fraction);
}

}  // namespace linnet

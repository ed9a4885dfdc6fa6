// SENet: Hu, Shen, Sun, "Squeeze-and-Excitation Networks", 1709.01507: squeeze-and-excitation on
// ResNeXt. (On ResNet it is an option: resnet50:attention=se.) Names as timm's resnet.
#include "archs/resnet.h"

namespace linnet {
namespace {

constexpr ResNetDesign k50_32x4d{.blocks = {3, 4, 6, 3}, .groups = 32, .base_width = 4};
constexpr ResNetDesign k101_32x4d{.blocks = {3, 4, 23, 3}, .groups = 32, .base_width = 4};
// Appendix: ResNeXt-152 (64x4d) with fewer channels in the first 1x1, a stem of three convolutions,
// 3x3 projections, dropout before the classifier.
constexpr ResNetDesign k154{.blocks = {3, 8, 36, 3},
                            .groups = 64,
                            .base_width = 4,
                            .halve_first_1x1 = true,
                            .deep_stem = true,
                            .shortcut_kernel = 3,
                            .dropout = 0.2f};

template <const ResNetDesign& design>
Graph Build(const ResNetOptions& options) {
  return BuildResNet(design, options);
}

}  // namespace

LINNET_FAMILY(senet) {
  const auto arch = [](const char* name, const char* title, const Variant& variant) {
    return Arch{name, "", title, "1709.01507", {variant}, {}, {}};
  };
  ResNetOptions defaults;
  defaults.attention = Attention::kSe;
  return {
      MakeArch(arch("seresnext50_32x4d", "ResNeXt-50 with squeeze-and-excitation",
                    {"", 27559896, 4232994816, 78.90, 94.51, "1709.01507 table 2"}),
               Build<k50_32x4d>, defaults),
      MakeArch(arch("seresnext101_32x4d", "ResNeXt-101 with squeeze-and-excitation",
                    {"", 48955416, 7974739968, 79.30, 94.99, "1709.01507 table 2"}),
               Build<k101_32x4d>, defaults),
      MakeArch(arch("senet154", "SENet-154, winner of ILSVRC 2017",
                    {"", 115088984, 20688363520, 81.32, 95.53, "1709.01507 table 8"}),
               Build<k154>, defaults),
  };
}

}  // namespace linnet

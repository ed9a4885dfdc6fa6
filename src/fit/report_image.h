// Pictures inside the page. Part of fit/report.h.
#ifndef LINNET_FIT_REPORT_IMAGE_H_
#define LINNET_FIT_REPORT_IMAGE_H_

#include <cstdint>
#include <span>
#include <string>

namespace linnet::report {

// RFC 4648, section 4, with padding.
std::string Base64(std::span<const uint8_t> bytes);

// rgb [height, width, 3] -> "data:image/png;base64,..."; empty unless 'rgb' has just that many
// bytes.
std::string PngUri(int width, int height, std::span<const uint8_t> rgb);

}  // namespace linnet::report

#endif  // LINNET_FIT_REPORT_IMAGE_H_

// Pictures to PNG.
#ifndef LINNET_DATA_ENCODE_H_
#define LINNET_DATA_ENCODE_H_

#include <string>

#include "data/image.h"

namespace linnet {

// The bytes of an 8-bit RGB PNG file. Error (kInternal) if the picture has no pixels.
std::string EncodePng(const Image& image);

}  // namespace linnet

#endif  // LINNET_DATA_ENCODE_H_

#include "kernels/int8_kernels.h"

namespace linnet::kernels {

const Int8Kernels* GetInt8Kernels() { return PortableInt8Kernels(); }

}  // namespace linnet::kernels

// Pooling windows, for the operations that share them.
#ifndef LINNET_OPS_POOL_H_
#define LINNET_OPS_POOL_H_

#include "graph/op.h"
#include "kernels/pool.h"
#include "ops/window.h"

namespace linnet {

// On a map of shape 'in'. Errors as FitWindow.
Window PoolWindow(const Pool& op, const Shape& in);
kernels::PoolShape PoolKernelShape(const Pool& op, const Shape& in);

}  // namespace linnet

#endif  // LINNET_OPS_POOL_H_

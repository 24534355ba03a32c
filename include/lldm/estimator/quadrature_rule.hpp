// SPDX-License-Identifier: MIT
// Nodes and weights of an integral over [0, 1].
#pragma once

#include <cstdint>
#include <vector>

namespace lldm {

struct QuadratureRule {
  std::vector<double> nodes;    // ascending, in [0, 1]
  std::vector<double> weights;  // sum 1
};

/// Gauss-Legendre: exact for polynomials of degree 2 N - 1.
///
/// The eigenvalues of the symmetric tridiagonal Jacobi matrix are the nodes, the squared first
/// components of its eigenvectors the weights.
/// Errors  ShapeError: N < 1.
/// Cost    O(N^2).
/// Source  Golub and Welsch 1969.
[[nodiscard]] QuadratureRule gauss_legendre(std::int64_t nodes);

/// Composite Simpson with both ends: exact for cubics.  ShapeError unless N is odd and >= 3.
[[nodiscard]] QuadratureRule simpson(std::int64_t nodes);

}  // namespace lldm

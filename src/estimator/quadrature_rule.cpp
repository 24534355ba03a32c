// SPDX-License-Identifier: MIT
#include "lldm/estimator/quadrature_rule.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>

#include "lldm/errors.hpp"

namespace lldm {

QuadratureRule gauss_legendre(std::int64_t nodes) {
  if (nodes < 1) throw ShapeError(message("gauss_legendre: nodes must be >= 1, got ", nodes));
  const auto n = static_cast<Eigen::Index>(nodes);
  // Legendre's three-term recurrence, symmetrised: zero diagonal, k / sqrt(4 k^2 - 1) beside it.
  Eigen::VectorXd beside(n - 1);
  for (Eigen::Index k = 1; k < n; ++k)
    beside(k - 1) = static_cast<double>(k) / std::sqrt(4.0 * static_cast<double>(k * k) - 1.0);
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  solver.computeFromTridiagonal(Eigen::VectorXd::Zero(n), beside);
  QuadratureRule rule;
  for (Eigen::Index i = 0; i < n; ++i) {
    const double first = solver.eigenvectors()(0, i);
    rule.nodes.push_back(0.5 * (1.0 + solver.eigenvalues()(i)));
    rule.weights.push_back(first * first);
  }
  return rule;
}

QuadratureRule simpson(std::int64_t nodes) {
  if (nodes < 3 || nodes % 2 == 0)
    throw ShapeError(message("simpson: nodes must be odd and >= 3, got ", nodes));
  QuadratureRule rule;
  const auto last = static_cast<double>(nodes - 1);
  for (std::int64_t i = 0; i < nodes; ++i) {
    const bool is_end = i == 0 || i == nodes - 1;
    rule.nodes.push_back(static_cast<double>(i) / last);
    rule.weights.push_back((is_end ? 1.0 : i % 2 == 1 ? 4.0 : 2.0) / (3.0 * last));
  }
  return rule;
}

}  // namespace lldm

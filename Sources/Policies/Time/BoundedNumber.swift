/// Arithmetic that stops at the ends of a number's range.
///
/// Whatever comes from Redis, a request, storage or a file may be any number, and must not end the process: Swift's own
/// operators trap beyond the range, and so does turning a `Double` into a whole number.
extension FixedWidthInteger {
    /// The sum, or the end of the range that it lies beyond.
    package func bounded(plus other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    /// The difference, or the end of the range that it lies beyond.
    package func bounded(minus other: Self) -> Self {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }

    /// The product, or the end of the range that it lies beyond.
    package func bounded(times other: Self) -> Self {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
    }

    /// The whole part of a number, or the end of the range that it lies beyond; 0 for what is none.
    package init(bounded number: Double) {
        self = Self(exactly: number.rounded(.towardZero)) ?? (number.isNaN ? 0 : number < 0 ? .min : .max)
    }
}

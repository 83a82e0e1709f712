internal import Policies

/// A small chart: an SVG that the style sheet colours, and the same numbers as a table for screen readers.
///
/// Its look consists of attributes and classes: the content security policy allows no inline styles.
struct Chart: Sendable {
    /// How a series is drawn.
    enum Form: Sendable {
        /// Bars, one per time; several series are stacked.
        case bars
        /// A line with the area below it filled.
        case area
    }

    /// A named series of values; nil for hours without a value.
    struct Series: Sendable {
        /// The name.
        var name: String
        /// The class that colours the series.
        var colour: String
        /// One value per hour.
        var values: [Int64?]
    }

    /// The prefix of element ids.
    let id: String
    /// The title of the chart.
    let title: String
    /// The form.
    let form: Form
    /// The start of each hour.
    let hours: [Timestamp]
    /// The series, bottom first.
    let series: [Series]
    /// How far back it goes.
    var range = ChartRange.day
    /// Whether the values are milliseconds.
    var isDuration = false

    private static let width = 480.0
    private static let height = 120.0
    /// Space above the highest value, and for the hours below.
    private static let top = 14.0
    private static let bottom = 18.0

    /// The chart with its legend and table.
    var html: HTML {
        .element("figure", ["class": "chart", "id": id]) {
            HTML.element("figcaption", ["id": "\(id)-title"]) { title }
            drawing
            legend
            HTML.element("details") {
                HTML.element("summary") { "Data" }
                table
            }
        }
    }

    private var drawing: HTML {
        .element(
            "svg",
            [
                "viewBox": "0 0 \(Int(Self.width)) \(Int(Self.height))", "role": "img",
                "aria-labelledby": "\(id)-title",
            ]
        ) {
            axis
            form == .bars ? bars : areas
        }
    }

    /// The highest value: of bars, which are stacked, the highest total.
    private var maximum: Double {
        let sums = hours.indices.map { hour in
            let values = series.map { Double($0.values[hour] ?? 0) }
            return form == .bars ? values.reduce(0, +) : values.max() ?? 0
        }
        return sums.max() ?? 0
    }

    /// The value at the top; at least 1, to avoid a division by zero.
    private var highest: Double { max(1, maximum) }

    private func number(_ value: Int64) -> String { isDuration ? Wording.span(value) : Wording.number(value) }

    private var step: Double { Self.width / Double(max(1, hours.count)) }

    private func y(_ value: Double) -> Double {
        Self.height - Self.bottom - value / highest * (Self.height - Self.top - Self.bottom)
    }

    private var axis: HTML {
        let base = Self.text(y(0))
        return .joined(
            [
                .element("line", ["class": "axis", "x1": "0", "x2": "\(Int(Self.width))", "y1": base, "y2": base]),
                .element("text", ["class": "tick", "x": "2", "y": "10"]) {
                    "max \(number(Int64(clamping: Int(min(maximum, 9e18)))))"
                },
            ]
                + hours.indices.filter { $0 % range.barsPerLabel == 0 }.map { hour in
                    .element(
                        "text",
                        ["class": "tick", "x": Self.text(Double(hour) * step), "y": Self.text(Self.height - 4)]
                    ) { range.tick(hours[hour]) }
                })
    }

    private var bars: HTML {
        var below = hours.map { _ in 0.0 }
        return .joined(
            series.flatMap { one in
                hours.indices.compactMap { hour -> HTML? in
                    guard let value = one.values[hour], value > 0 else { return nil }
                    let bottom = y(below[hour])
                    below[hour] += Double(value)
                    // A small value among large ones must remain visible.
                    let height = max(1.5, bottom - y(below[hour]))
                    return .element(
                        "rect",
                        [
                            "class": one.colour, "x": Self.text(Double(hour) * step + 1),
                            "y": Self.text(bottom - height), "width": Self.text(step - 2), "height": Self.text(height),
                        ]
                    ) { HTML.element("title") { "\(range.label(hours[hour])): \(number(value)) \(one.name)" } }
                }
            })
    }

    private var areas: HTML {
        .joined(
            series.map { one in
                let known = hours.indices.filter { one.values[$0] != nil }
                guard let first = known.first, let last = known.last else { return .nothing }
                let points = known.flatMap { hour in
                    let y = Self.text(y(Double(one.values[hour] ?? 0)))
                    return ["\(Self.text(Double(hour) * step)),\(y)", "\(Self.text(Double(hour + 1) * step)),\(y)"]
                }
                let base = Self.text(y(0))
                let ends = "\(Self.text(Double(last + 1) * step)),\(base) \(Self.text(Double(first) * step)),\(base)"
                return .joined([
                    .element(
                        "polygon",
                        ["class": "\(one.colour) fill", "points": "\(points.joined(separator: " ")) \(ends)"]),
                    .element("polyline", ["class": "\(one.colour) line", "points": points.joined(separator: " ")]),
                ])
            })
    }

    private var legend: HTML {
        .element("ul", ["class": "legend"]) {
            series.map { one in
                .element("li") {
                    HTML.element("span", ["class": "swatch \(one.colour)", "aria-hidden": "true"])
                    one.name
                }
            }
        }
    }

    private var table: HTML {
        var table = HTMLTable(
            caption: title, columns: [range.column] + series.map(\.name), numbers: 1...max(1, series.count))
        for hour in hours.indices {
            table.add(
                [HTML(range.label(hours[hour]))] + series.map { HTML($0.values[hour].map(number) ?? "–") }
            )
        }
        return table.html
    }

    /// A coordinate with one decimal digit.
    private static func text(_ number: Double) -> String {
        let tenths = Int(bounded: (number * 10).rounded())
        return tenths % 10 == 0 ? String(tenths / 10) : String(Double(tenths) / 10)
    }
}

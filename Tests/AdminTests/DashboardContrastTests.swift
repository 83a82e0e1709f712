import Foundation
import TestNeeds
import Testing

@testable import Admin

@Suite("Dashboard: colours", .tags(.pure))
struct DashboardContrastTests {
    /// What is written or drawn on what.
    private static let pairs = [
        ("text", "ground"), ("text", "surface"), ("quiet", "ground"), ("quiet", "surface"), ("link", "ground"),
        ("link", "surface"), ("good", "good-ground"), ("warning", "warning-ground"), ("critical", "critical-ground"),
        ("running", "running-ground"), ("on-main", "main"), ("critical", "surface"), ("good", "surface"),
        ("due", "surface"), ("done", "surface"), ("bad", "surface"), ("focus", "ground"),
    ]

    @Test("text can be told from its ground in both themes: 4.5 to 1 at least")
    func contrast() throws {
        let css = String(decoding: PackageResources.dashboard_css, as: UTF8.self)
        let themes = css.matches(of: /:root \{([^}]*)\}/).map { match in
            Dictionary(match.1.matches(of: /--([a-z-]+): #([0-9a-f]{6})/).map { (String($0.1), String($0.2)) }) {
                first, _ in first
            }
        }
        #expect(themes.count == 2)
        for (number, theme) in themes.enumerated() {
            for (text, ground) in Self.pairs {
                let lights = try [text, ground].map { Self.luminance(try #require(theme[$0])) }.sorted()
                let ratio = (lights[1] + 0.05) / (lights[0] + 0.05)
                #expect(ratio >= 4.5, "theme \(number): \(text) on \(ground)")
            }
        }
    }

    /// The relative luminance of a colour, as WCAG 2 defines it.
    private static func luminance(_ colour: String) -> Double {
        let number = UInt32(colour, radix: 16) ?? 0
        let parts = [16, 8, 0].map { shift -> Double in
            let value = Double(number >> UInt32(shift) & 0xFF) / 255
            return value <= 0.03928 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
        }
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    }
}

//! Pictures of numbers over time, to be read on a phone, by day and by night.
//!
//! Drawn here and not by a browser or a server of pictures: nothing of an incident leaves the bot for it.

use std::collections::HashMap;
use std::sync::OnceLock;

use commands::escape::clean;
use commands::layout;
use commands::message::{Picture, Png};
use commands::plot::{Course, History, Line, Mark, MarkKind};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::traffic::percentile;

/// Half of it is a phone's width.
const SIZE: (u32, u32) = (900, 480);
/// Shipped, so that a picture is the same on every machine and none needs fonts.
const FONT: &[u8] = include_bytes!("../../fonts/OpenSans-Regular.ttf");
const FAMILY: &str = "Open Sans";
/// On a phone this is 11 px.
const TEXT: i32 = 24;
const TITLE: i32 = 28;

/// Over more than this, times are named with their days.
const DAY: i64 = 24 * 3_600;

const BACKGROUND: RGBColor = RGBColor(30, 33, 39);
const GRID: RGBColor = RGBColor(58, 63, 75);
const INK: RGBColor = RGBColor(230, 230, 230);
const LIMIT: RGBColor = RGBColor(255, 107, 107);
const RESTARTED: RGBColor = RGBColor(120, 190, 255);
const FIRED: RGBColor = RGBColor(255, 170, 80);
/// Those of Okabe and Ito, which most colour-blind people tell apart, made lighter for a dark ground.
const COLOURS: [RGBColor; 8] = [
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 200, 150),
    RGBColor(240, 228, 66),
    RGBColor(204, 121, 167),
    RGBColor(230, 110, 40),
    RGBColor(150, 150, 255),
    RGBColor(200, 200, 200),
];

/// A picture that can't be drawn; the answer goes without.
#[derive(Debug, thiserror::Error)]
#[error("no picture: {0}")]
pub struct PlotError(String);

/// What is drawn besides the numbers.
struct Frame {
    title: String,
    /// Of the file, without its ending.
    name: &'static str,
    limit: Option<f64>,
    number: fn(f64) -> String,
}

/// How the numbers went, as a picture; `None` where there is no number. `limit` is the line not to be crossed.
pub fn plot(course: &Course, history: &History, limit: Option<f64>) -> Result<Option<Picture>, PlotError> {
    if history.is_empty() {
        return Ok(None);
    }
    let frame = frame(course, limit);
    let lines = history.foremost();
    let mut pixels = vec![0; 3 * SIZE.0 as usize * SIZE.1 as usize];
    draw(&mut pixels, &frame, history, &lines)?;
    let png = encoded(&pixels).map_err(|error| PlotError(error.to_string()))?;
    Ok(Some(Picture {
        name: format!("{}.png", frame.name),
        alt: described(&frame, history, &lines),
        png: Png(png),
    }))
}

/// How a number of this kind is written.
pub(super) fn number(course: &Course) -> fn(f64) -> String {
    frame(course, None).number
}

/// What is shown, in words.
pub(super) fn name_of(course: &Course) -> String {
    frame(course, None).title
}

fn frame(course: &Course, limit: Option<f64>) -> Frame {
    match course {
        Course::Errors => Frame {
            title: "Server errors of all answers".to_owned(),
            name: "errors",
            limit,
            number: |ratio| format!("{} %", rounded(ratio * 100.0)),
        },
        Course::Latency(quantile) => Frame {
            title: format!("Time of answers ({})", percentile(*quantile)),
            name: "latency",
            limit,
            number: |seconds| match seconds {
                seconds if seconds >= 1.0 => format!("{} s", rounded(seconds)),
                seconds => format!("{} ms", rounded(seconds * 1000.0)),
            },
        },
        Course::AuthFailures => Frame {
            title: "Refused logins and tokens".to_owned(),
            name: "auth-failures",
            limit,
            number: |rate| format!("{}/s", rounded(rate)),
        },
        Course::Memory => Frame {
            title: "Memory of each service's process".to_owned(),
            name: "memory",
            limit,
            number: |bytes| format!("{} MB", rounded(bytes / 1e6)),
        },
        Course::Connections { .. } => {
            Frame { title: "Database connections".to_owned(), name: "db-connections", limit, number: rounded }
        }
    }
}

/// Three digits at most where it has a fraction.
fn rounded(number: f64) -> String {
    let decimals = match number.abs() {
        number if number >= 100.0 => 0,
        number if number >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// For who can't see it: each line's greatest and last number.
fn described(frame: &Frame, history: &History, lines: &[&Line]) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), frame.number);
    let lines: Vec<String> = lines
        .iter()
        .map(|line| {
            format!("{} at most {}, last {}", name(line), number(line.greatest()), number(line.last()))
        })
        .collect();
    let restarts = history.marks.iter().filter(|mark| mark.kind == MarkKind::Restart).count();
    let alerts = history.marks.iter().filter(|mark| mark.kind == MarkKind::Alert).count();
    let text = format!(
        "{}, {} to {} UTC: {}. Restarts: {restarts}, alerts: {alerts}.",
        frame.title,
        stamp(history.from, true),
        stamp(history.until, true),
        lines.join("; ")
    );
    layout::short(&text, 900)
}

fn name(line: &Line) -> String {
    layout::short(&clean(&line.name), 24)
}

fn stamp(at: Timestamp, with_day: bool) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    at.strftime(if with_day { "%b %d %H:%M" } else { "%H:%M" }).to_string()
}

type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

fn draw(pixels: &mut [u8], frame: &Frame, history: &History, lines: &[&Line]) -> Result<(), PlotError> {
    font()?;
    let area = BitMapBackend::with_buffer(pixels, SIZE).into_drawing_area();
    area.fill(&BACKGROUND).map_err(fault)?;
    let title = format!("{}, times in UTC", frame.title);
    area.draw(&Text::new(title, (16, 10), text(TITLE, INK))).map_err(fault)?;
    let below = legend(&area, frame, history, lines)?;
    let (_, below) = area.split_vertically(below);
    chart(&below, frame, history, lines)?;
    area.present().map_err(fault)
}

/// Once a process. Another family of this name there is none.
fn font() -> Result<(), PlotError> {
    static READ: OnceLock<bool> = OnceLock::new();
    let read = READ.get_or_init(|| plotters::style::register_font(FAMILY, FontStyle::Normal, FONT).is_ok());
    read.then_some(()).ok_or_else(|| PlotError("the shipped font can't be read".to_owned()))
}

fn text(size: i32, colour: RGBColor) -> TextStyle<'static> {
    let font = (FAMILY, size).into_font();
    TextStyle { font, color: colour.to_backend_color(), pos: Pos::default() }
}

/// Names in their colours, as many rows as they take. Returns where the rest begins.
fn legend(area: &Area<'_>, frame: &Frame, history: &History, lines: &[&Line]) -> Result<i32, PlotError> {
    let mut entries: Vec<(String, RGBColor)> =
        lines.iter().zip(COLOURS).map(|(line, colour)| (name(line), colour)).collect();
    if let Some(limit) = frame.limit {
        entries.push((format!("limit {}", (frame.number)(limit)), LIMIT));
    }
    for (kind, word, colour) in
        [(MarkKind::Restart, "restart", RESTARTED), (MarkKind::Alert, "incident (alert)", FIRED)]
    {
        if history.marks.iter().any(|mark| mark.kind == kind) {
            entries.push((word.to_owned(), colour));
        }
    }
    let (mut x, mut y) = (16, 52);
    let width = i32::try_from(SIZE.0).unwrap_or(i32::MAX);
    for (label, colour) in entries {
        let style = text(TEXT, INK);
        let (long, _) = area.estimate_text_size(&label, &style).map_err(fault)?;
        let long = i32::try_from(long).unwrap_or(0);
        if x > 16 && x + 26 + long > width - 16 {
            (x, y) = (16, y + TEXT + 8);
        }
        area.draw(&Rectangle::new([(x, y + 5), (x + 18, y + 17)], colour.filled())).map_err(fault)?;
        area.draw(&Text::new(label, (x + 26, y), style)).map_err(fault)?;
        x += 26 + long + 24;
    }
    Ok(y + TEXT + 10)
}

fn chart(area: &Area<'_>, frame: &Frame, history: &History, lines: &[&Line]) -> Result<(), PlotError> {
    let (from, until) = (history.from.as_second(), history.until.as_second());
    let with_day = until - from > DAY;
    let top = top(frame, lines);
    let mut chart = ChartBuilder::on(area)
        .margin_top(14)
        .margin_right(48)
        .margin_bottom(8)
        .x_label_area_size(40)
        .y_label_area_size(112)
        .build_cartesian_2d((from..until.max(from + 1)).with_key_points(round_times(from, until)), 0.0..top)
        .map_err(fault)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(GRID)
        .x_labels(7)
        .y_labels(5)
        .x_label_style(text(TEXT, INK))
        .y_label_style(text(TEXT, INK))
        .x_label_formatter(&|at| {
            Timestamp::from_second(*at).map_or_else(|_| String::new(), |at| stamp(at, with_day))
        })
        .y_label_formatter(&|number| (frame.number)(*number))
        .draw()
        .map_err(fault)?;
    for mark in &history.marks {
        let (at, colour) = (mark.at.as_second(), colour(mark));
        let upright = [(at, 0.0), (at, top)];
        chart.draw_series(DashedLineSeries::new(upright, 4, 6, colour.stroke_width(2))).map_err(fault)?;
    }
    if let Some(limit) = frame.limit {
        let level = [(from, limit), (until, limit)];
        chart.draw_series(DashedLineSeries::new(level, 12, 8, LIMIT.stroke_width(2))).map_err(fault)?;
    }
    for (line, colour) in lines.iter().zip(COLOURS) {
        for stretch in stretches(line) {
            chart.draw_series(LineSeries::new(stretch, colour.stroke_width(3))).map_err(fault)?;
        }
    }
    // Names last, on top of the lines, where the one before leaves room.
    let place = |mark: &Mark| chart.backend_coord(&(mark.at.as_second(), top)).0;
    let mut marks: Vec<(i32, &Mark)> = history.marks.iter().map(|mark| (place(mark), mark)).collect();
    marks.sort_by_key(|(x, _)| *x);
    let mut free = 0;
    let (_, above) = chart.backend_coord(&(from, top));
    let (_, begins) = area.get_base_pixel();
    for (x, mark) in marks {
        let label = layout::short(&clean(&mark.name), 28);
        let style = text(TEXT - 6, colour(mark)).pos(Pos::new(HPos::Left, VPos::Top));
        let (long, _) = area.estimate_text_size(&label, &style).map_err(fault)?;
        let long = i32::try_from(long).unwrap_or(0);
        if x >= free && x + 6 + long < i32::try_from(SIZE.0).unwrap_or(i32::MAX) {
            area.draw(&Text::new(label, (x + 6, above - begins + 2), style)).map_err(fault)?;
            free = x + 6 + long + 12;
        }
    }
    Ok(())
}

const fn colour(mark: &Mark) -> RGBColor {
    match mark.kind {
        MarkKind::Restart => RESTARTED,
        MarkKind::Alert => FIRED,
    }
}

/// Moments to be named on the axis: on the hour or on a round part of it, or at midnight.
fn round_times(from: i64, until: i64) -> Vec<i64> {
    const MINUTE: i64 = 60;
    // A name with its day is twice as long.
    let most = if until - from > DAY { 3 } else { 6 };
    let steps = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880].map(|minutes| minutes * MINUTE);
    let fits = |step: &i64| (until - from) / step <= most;
    let step = steps.into_iter().find(fits).unwrap_or_else(|| (until - from) / most + 1);
    let first = from.div_euclid(step) * step;
    (0..=most + 1).map(|index| first + index * step).filter(|at| (from..=until).contains(at)).collect()
}

/// Room for everything and for the limit, and never none.
fn top(frame: &Frame, lines: &[&Line]) -> f64 {
    let greatest = lines.iter().filter_map(|line| line.greatest()).fold(0.0, f64::max);
    let top = (greatest * 1.15).max(frame.limit.unwrap_or(0.0) * 1.25);
    if top > 0.0 { top } else { 1.0 }
}

/// The parts of a line between its gaps. One number alone gets a little length, for else nothing is seen.
fn stretches(line: &Line) -> Vec<Vec<(i64, f64)>> {
    let parts = line.points.split(|(_, value)| value.is_none());
    let part = |part: &[(Timestamp, Option<f64>)]| -> Vec<(i64, f64)> {
        part.iter().filter_map(|(at, value)| Some((at.as_second(), (*value)?))).collect()
    };
    let lengthened = |mut part: Vec<(i64, f64)>| {
        if let [(at, value)] = *part {
            part.push((at + 1, value));
        }
        part
    };
    parts.map(part).filter(|part| !part.is_empty()).map(lengthened).collect()
}

/// As a picture of at most 256 colours, which is a third of the size: the drawing's own colours stay as they are, and
/// the blends at the edges of lines and letters are made coarser, which nobody sees.
fn encoded(pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut palette = Palette::default();
    let indexes: Vec<u8> =
        pixels.chunks_exact(3).map(|pixel| palette.index([pixel[0], pixel[1], pixel[2]])).collect();
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, SIZE.0, SIZE.1);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.colours.concat());
    // Filters are for photographs; with indexes they make it larger.
    encoder.set_filter(png::Filter::NoFilter);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&indexes)?;
    writer.finish()?;
    Ok(png)
}

/// The colours met so far.
#[derive(Default)]
struct Palette {
    colours: Vec<[u8; 3]>,
    of: HashMap<[u8; 3], u8>,
    /// Most pixels are as the one before.
    last: Option<([u8; 3], u8)>,
}

impl Palette {
    /// The distance of two levels of a blend's channel.
    const COARSE: u8 = 40;

    fn index(&mut self, pixel: [u8; 3]) -> u8 {
        match self.last {
            Some((last, index)) if last == pixel => index,
            _ => {
                let index = self.find(pixel);
                self.last = Some((pixel, index));
                index
            }
        }
    }

    fn find(&mut self, pixel: [u8; 3]) -> u8 {
        if let Some(index) = self.of.get(&pixel) {
            return *index;
        }
        let own = [BACKGROUND, GRID, INK, LIMIT, RESTARTED, FIRED].iter().chain(&COLOURS);
        let is_own = own.into_iter().any(|own| [own.0, own.1, own.2] == pixel);
        let kept = if is_own {
            pixel
        } else {
            pixel.map(|channel| (channel / Self::COARSE * Self::COARSE).saturating_add(Self::COARSE / 2))
        };
        let index = match self.colours.iter().position(|colour| *colour == kept) {
            Some(index) => index,
            None if self.colours.len() < 256 => {
                self.colours.push(kept);
                self.colours.len() - 1
            }
            None => self.nearest(kept),
        };
        let index = u8::try_from(index).unwrap_or(u8::MAX);
        self.of.insert(pixel, index);
        index
    }

    fn nearest(&self, wanted: [u8; 3]) -> usize {
        let distance = |colour: &[u8; 3]| -> u32 {
            colour.iter().zip(wanted).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
        };
        let all = self.colours.iter().enumerate();
        all.min_by_key(|(_, colour)| distance(colour)).map_or(0, |(index, _)| index)
    }
}

fn fault(error: impl std::fmt::Display) -> PlotError {
    PlotError(error.to_string())
}

#[cfg(test)]
mod tests;

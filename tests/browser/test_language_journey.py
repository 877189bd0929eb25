"""The language of the studio: the browser's at first, then the one that was chosen, on every page and in links."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from waiting import await_query, query, settled

from fisa.language import table
from fisa.ui import contents

Open = Callable[..., Page]
CHINESE, ENGLISH = "简体中文", "English"  # as the button says
NAMES = {str(message.id): str(message.string) for message in table("zh_Hans")}


def expect_language(page: Page, button: str, title: str) -> None:
    """Expect the button that leads to the other language, a page of that title, and the page's name in the sidebar."""
    expect(page.get_by_role("heading", name=title, level=1, exact=True)).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavLink").filter(has_text=re.compile(f"{title}$"))).to_have_count(1)
    expect(page.get_by_test_id("stSidebar").get_by_role("button", name=button)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en" if button == CHINESE else "zh-Hans")
    settled(page)


def without_language(page: Page) -> None:
    page.wait_for_function("!location.search.includes('lang=')")


def gallery_put_into_chinese(studio: str, open_page: Open) -> Page:
    """Open the gallery in English and choose Chinese there."""
    page = open_page(f"{studio}/gallery?run=fisa")
    expect_language(page, CHINESE, "Gallery")
    page.get_by_role("button", name=CHINESE).click()
    await_query(page, "lang", "zh_Hans")
    expect_language(page, ENGLISH, "图库")
    return page


def test_a_chinese_browser_is_met_in_chinese_until_english_is_chosen(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/gallery?run=fisa", locale="zh-CN")
    expect_language(page, ENGLISH, "图库")
    expect(page.get_by_role("button", name="解释第一幅")).to_be_visible()
    assert query(page, "lang") is None  # the link names what was chosen, not what a browser prefers
    page.get_by_role("button", name=ENGLISH).click()
    await_query(page, "lang", "en")
    expect_language(page, CHINESE, "Gallery")
    page.reload()
    expect_language(page, CHINESE, "Gallery")


@pytest.mark.slow
def test_a_language_that_was_chosen_stays_on_other_pages(studio: str, open_page: Open) -> None:
    page = gallery_put_into_chinese(studio, open_page)
    for name in ("explain", "studies", "data", "train"):  # of them, Studies has nothing to show
        title = contents.TITLES[name]
        page.get_by_test_id("stSidebarNavLink").filter(has_text=re.compile(f"{NAMES[title]}$")).click()
        page.wait_for_url(re.compile(f"/{name}[?]"))
        await_query(page, "lang", "zh_Hans")
        expect_language(page, ENGLISH, NAMES[title])


def test_a_link_carries_the_language_to_another_browser(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/gallery?run=fisa&lang=zh_Hans&filter=predicted%3Dfear%2Cawe")
    expect_language(page, ENGLISH, "图库")
    expect(page.locator(".st-key-walk")).to_contain_text("预测为恐惧或敬畏")
    assert query(page, "filter") == "predicted%3Dfear%2Cawe"  # what is shown is translated, what is shared is not
    other = open_page(page.url, locale="en-GB")
    expect_language(other, ENGLISH, "图库")
    third = open_page(page.url.replace("zh_Hans", "en"), locale="zh-CN")
    expect_language(third, CHINESE, "Gallery")


@pytest.mark.slow
def test_back_and_forward_change_the_language_as_they_change_the_page(studio: str, open_page: Open) -> None:
    page = gallery_put_into_chinese(studio, open_page)
    page.go_back()
    without_language(page)
    expect_language(page, CHINESE, "Gallery")
    page.go_forward()
    await_query(page, "lang", "zh_Hans")
    expect_language(page, ENGLISH, "图库")


def test_a_language_that_there_is_not_becomes_the_nearest(studio: str, open_page: Open) -> None:
    page = open_page(f"{studio}/gallery?run=fisa&lang=zh-TW")
    expect_language(page, ENGLISH, "图库")
    await_query(page, "lang", "zh_Hans")
    expect(page.get_by_text("这里没有语言“zh-TW”；改为显示“简体中文”。")).to_be_visible()

"""A made-up catalogue of any size: names, summaries and items as departments write them, the same for the same number."""

from collections.abc import Iterator
from random import Random

from catalog.categories import Category
from catalog.entry import CatalogueEntry
from catalog.entry_elements import Format, SharingMode, UpdateCycle
from schemas.credit_codes import credit_check, organisation_check
from schemas.resource import Item, ItemType, Sharing

PLACES = [
    "全市",
    "渝中区",
    "江津区",
    "合川区",
    "永川区",
    "南川区",
    "綦江区",
    "大足区",
    "璧山区",
    "铜梁区",
    "潼南区",
    "荣昌区",
    "开州区",
    "梁平区",
    "武隆区",
    "城口县",
    "丰都县",
    "垫江县",
    "忠县",
    "云阳县",
]
DEPARTMENTS = [
    "公安局",
    "民政局",
    "人力资源和社会保障局",
    "市场监督管理局",
    "规划和自然资源局",
    "住房和城乡建设委员会",
    "教育委员会",
    "卫生健康委员会",
    "生态环境局",
    "交通局",
    "农业农村委员会",
    "水利局",
    "文化和旅游发展委员会",
    "应急管理局",
    "税务局",
    "医疗保障局",
    "退役军人事务局",
    "残疾人联合会",
    "司法局",
    "统计局",
]
SUBJECTS = """户籍人口:registered population|流动人口:floating population|婚姻登记:marriage registration|最低生活保障对象:subsistence allowance|养老机构:care homes|企业登记:enterprise registration
个体工商户:individual business|食品经营许可:food business licence|药品经营许可:drug business permit|特种设备:special equipment|不动产登记:real estate|建设用地:building land|公租房:public rental housing
住房公积金:housing provident fund|施工许可:construction permit|中小学校:schools|幼儿园:kindergartens|教师资格:teacher certificates|医疗机构:hospitals|医师执业:doctors|传染病:infectious disease
疫苗接种:vaccination|空气质量:air quality|地表水水质:surface water quality|排污许可:pollution permit|机动车:motor vehicles|驾驶证:driving licence|道路运输:road transport|公交线路:bus routes
农产品:farm produce|种植补贴:planting subsidy|水库:reservoirs|取水许可:water permit|景区:scenic spots|旅行社:travel agencies|危险化学品:dangerous chemicals|安全生产事故:work accidents
应急避难场所:emergency shelters|纳税信用:tax credit|社会保险缴费:social insurance payments|失业登记:unemployment|医疗保险参保:medical insurance|退役军人:veterans|残疾人证:disability certificates
律师执业:lawyers|法律援助:legal aid|行政处罚:penalties|行政许可:permits|失信被执行人:dishonest debtors|标准地址:addresses|行政区划:administrative division|门楼牌:door plates""".replace(
    "\n", "|"
).split("|")
ACTS = [
    "基本信息",
    "登记信息",
    "年度统计",
    "名录",
    "变更记录",
    "审批结果",
    "检查记录",
    "监测数据",
    "发放记录",
    "办理情况",
    "明细",
    "台账",
    "评价结果",
    "分布",
    "目录",
]
ITEMS = [
    "名称",
    "统一社会信用代码",
    "公民身份号码",
    "姓名",
    "地址",
    "联系电话",
    "登记机关",
    "登记日期",
    "有效期",
    "状态",
    "法定代表人",
    "经营范围",
    "类别",
    "金额",
    "面积",
    "数量",
    "经度",
    "纬度",
    "行政区划代码",
    "许可证号",
    "发证日期",
    "发证机关",
    "监测时间",
    "监测点",
    "浓度",
    "年份",
    "备注说明",
    "出生日期",
    "性别",
    "民族",
    "文书号",
    "处罚内容",
    "处罚日期",
    "缴费基数",
    "缴费月份",
    "学校代码",
    "班级数",
    "床位数",
    "车牌号",
    "车辆类型",
    "线路名称",
    "站点",
]


def provider_code(number: int) -> str:
    """Return the credit code of a made-up department."""
    body = f"11500000{number:08d}"
    first = body + organisation_check(body[8:])
    return first + credit_check(first)


def made_catalogue(size: int, seed: int = 7) -> Iterator[CatalogueEntry]:
    """Yield entries; no two have the same name."""
    chance = Random(seed)
    sharing = list(Sharing)
    for number in range(size):
        subject, english = chance.choice(SUBJECTS).split(":")
        place, act, department = (
            chance.choice(PLACES),
            chance.choice(ACTS),
            chance.randrange(len(DEPARTMENTS)),
        )
        name, how = f"{place}{subject}{act}", chance.choice(sharing)
        titles = chance.sample(ITEMS, chance.randint(5, 14))
        category = f"3{department + 1:02d}{chance.randint(1, 9):03d}"
        yield CatalogueEntry(
            id=f"made_{number}",
            category=Category(category),
            name=f"{name}{number}号",
            name_en=f"{english} of {number}".capitalize(),
            summary=f"{place}{subject}的{act}，包括{'、'.join(titles[:4])}等，由{DEPARTMENTS[department]}采集",
            provider=DEPARTMENTS[department],
            provider_code=provider_code(department),
            format=Format.DATABASE,
            sharing=how,
            condition="限行政审批使用" if how is Sharing.CONDITIONAL else "",
            legal_basis="保守国家秘密法" if how is Sharing.NOT_SHARED else "",
            mode=None if how is Sharing.NOT_SHARED else SharingMode.PLATFORM_INTERFACE,
            update_cycle=chance.choice(list(UpdateCycle)),
            items=tuple(Item(f"item_{ITEMS.index(title)}", title, ItemType.CHARACTER, length=100, key=place == 0, required=place == 0)
                        for place, title in enumerate(titles)),
            code=f"{category}/{number + 1:06d}",
        )  # fmt: skip

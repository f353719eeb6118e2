-- What the national rows must be, written from the tables by hand: no mapping file and no code of the agent takes part.
-- Columns are the entity's fields; a field that is not here must be null. untyped: the source's text of what has no code.

-- name: setup
create function pg_temp.unread(source uuid, code_row uuid, code text, known boolean) returns text language sql as $$
    select case when code_row is null or (code is not null and not coalesce(known, false)) then source::text end
$$;
create function pg_temp.sex(ma text) returns text language sql as $$
    select case ma when '1' then 'M' when '2' then 'F' end
$$;
create function pg_temp.country(ma text) returns text language sql as $$
    select case ma when 'VNM' then 'VN' when 'LAO' then 'LA' end
$$;
create function pg_temp.ethnicity(ma text) returns text language sql as $$
    select case when ma ~ '^([1-9]|[1-4][0-9]|5[0-5])$' then lpad(ma, 2, '0') end
$$;
create function pg_temp.province(ma text) returns text language sql as $$
    select substr(ma, 2) where ma ~ '^0[0-9][0-9]$' and substr(ma, 2) <> all (string_to_array(
        '00,03,05,07,09,13,16,18,21,23,28,29,32,39,41,43,47,50,53,55,57,59,61,63,65,69,71,73,76,78,81,85,88,90,97,98,99', ','))
$$;
create function pg_temp.form(ma text) returns text language sql as $$
    select case ma when 'CQ' then 'FULL_TIME' when 'VLVH' then 'PART_TIME' when 'TX' then 'DISTANCE' end
$$;
create function pg_temp.level(ma text) returns text language sql as $$
    select case ma when 'DH' then '7' when 'THS' then '8' when 'TS' then '9' end
$$;
create function pg_temp.degree_kind(ma text) returns text language sql as $$
    select case ma when 'CN' then 'BACHELOR' when 'THS' then 'MASTER' when 'TS' then 'DOCTOR' end
$$;
create function pg_temp.degree_status(ma text) returns text language sql as $$
    select case ma when 'HL' then '1' when 'TH' then '2' when 'HUY' then '3' when 'DC' then '4' end
$$;

-- name: institution
select 'DHA/institution/' || i.id as record_key, i.ma_co_so as code, i.ten_co_so as name,
    case i.loai_hinh when '1' then 'UNIVERSITY' end as institution_type,
    case s.ma when '1' then 'ACTIVE' when '0' then 'CLOSED' end as status,
    i.so_quyet_dinh as founding_decision, i.ngay_quyet_dinh::text as founding_date, i.ma_xa as ward_code,
    pg_temp.province(p.ma) as province_code,
    jsonb_build_object(
        'institution_type', case when i.loai_hinh <> '1' then i.loai_hinh end,
        'status', pg_temp.unread(i.trang_thai_id, s.id, s.ma, s.ma in ('0', '1')),
        'province_code', pg_temp.unread(i.tinh_id, p.id, p.ma, pg_temp.province(p.ma) is not null)) as untyped
from ndt_1_1 i left join dm_trang_thai s on s.id = i.trang_thai_id left join dm_tinh p on p.id = i.tinh_id

-- name: org_unit
select 'DHA/org_unit/' || u.id as record_key, u.ma_don_vi as code, u.ten_don_vi as name,
    'DHA/org_unit/' || u.don_vi_cha_id as parent,
    case k.ma when '1' then 'OTHER' when '2' then 'FACULTY' when '3' then 'DEPARTMENT' when '4' then 'OFFICE'
        when '5' then 'INSTITUTE' when '6' then 'CENTRE' end as kind,
    case s.ma when '1' then 'ACTIVE' when '0' then 'CLOSED' end as status,
    jsonb_build_object(
        'kind', pg_temp.unread(u.loai_don_vi_id, k.id, k.ma, k.ma in ('1', '2', '3', '4', '5', '6')),
        'status', pg_temp.unread(u.trang_thai_id, s.id, s.ma, s.ma in ('0', '1'))) as untyped
from ndt_1_2 u left join dm_loai_don_vi k on k.id = u.loai_don_vi_id left join dm_trang_thai s on s.id = u.trang_thai_id

-- name: major_licence
select 'DHA/major_licence/' || m.id as record_key, m.ma_nganh as major_code, pg_temp.level(l.ma) as level,
    m.so_quyet_dinh as decision_number, m.ngay_quyet_dinh::text as decision_date, m.nam_tuyen_sinh as first_year,
    case s.ma when '1' then 'ACTIVE' when '0' then 'CLOSED' end as status,
    jsonb_build_object(
        'level', pg_temp.unread(m.trinh_do_id, l.id, l.ma, pg_temp.level(l.ma) is not null),
        'status', pg_temp.unread(m.trang_thai_id, s.id, s.ma, s.ma in ('0', '1'))) as untyped
from ndt_1_4 m left join dm_trinh_do l on l.id = m.trinh_do_id left join dm_trang_thai s on s.id = m.trang_thai_id

-- name: programme
select 'DHA/programme/' || c.id as record_key, c.ma_ctdt as code, c.ten_ctdt as name, c.ma_nganh as major_code,
    pg_temp.level(l.ma) as level, pg_temp.form(f.ma) as form_of_study, c.so_thang as duration_months,
    c.khoa_tuyen as intake_year, case s.ma when '1' then 'ACTIVE' when '0' then 'CLOSED' end as status,
    jsonb_build_object(
        'level', pg_temp.unread(c.trinh_do_id, l.id, l.ma, pg_temp.level(l.ma) is not null),
        'form_of_study', pg_temp.unread(c.hinh_thuc_id, f.id, f.ma, pg_temp.form(f.ma) is not null),
        'status', pg_temp.unread(c.trang_thai_id, s.id, s.ma, s.ma in ('0', '1'))) as untyped
from ctdt_1_2 c left join dm_trinh_do l on l.id = c.trinh_do_id
    left join dm_hinh_thuc_dao_tao f on f.id = c.hinh_thuc_id left join dm_trang_thai s on s.id = c.trang_thai_id

-- name: person
select 'DHA/person/nh/' || n.id as record_key, n.ho_ten as full_name, n.ngay_sinh::text as birth_date,
    pg_temp.sex(g.ma) as sex, pg_temp.country(q.ma) as nationality, pg_temp.ethnicity(d.ma) as ethnicity,
    n.so_cmtnd as citizen_number, case k.ma when '2' then 'CMND' when '3' then 'PASSPORT' end as document_type,
    pg_temp.province(p.ma) as birth_province,
    case when num_nonnulls(n.so_nha, n.xa, n.tinh) > 0 then concat_ws(', ', n.so_nha, n.xa, n.tinh) end as permanent_address,
    n.ma_xa as ward_code,
    jsonb_build_object(
        'sex', pg_temp.unread(n.gioi_tinh_id, g.id, g.ma, pg_temp.sex(g.ma) is not null),
        'nationality', pg_temp.unread(n.quoc_tich_id, q.id, q.ma, pg_temp.country(q.ma) is not null),
        'ethnicity', pg_temp.unread(n.dan_toc_id, d.id, d.ma, pg_temp.ethnicity(d.ma) is not null),
        'document_type', pg_temp.unread(n.loai_giay_to_id, k.id, k.ma, k.ma in ('2', '3')),
        'birth_province', pg_temp.unread(n.noi_sinh_id, p.id, p.ma, pg_temp.province(p.ma) is not null)) as untyped
from nh_1_1 n left join dm_gioi_tinh g on g.id = n.gioi_tinh_id left join dm_dan_toc d on d.id = n.dan_toc_id
    left join dm_quoc_tich q on q.id = n.quoc_tich_id left join dm_loai_giay_to k on k.id = n.loai_giay_to_id
    left join dm_tinh p on p.id = n.noi_sinh_id
union all
select 'DHA/person/cbgv/' || n.id, n.ho_ten, n.ngay_sinh::text, pg_temp.sex(g.ma), pg_temp.country(q.ma),
    pg_temp.ethnicity(d.ma), n.so_cmtnd, null, pg_temp.province(p.ma),
    case when num_nonnulls(n.so_nha, n.xa, n.tinh) > 0 then concat_ws(', ', n.so_nha, n.xa, n.tinh) end, null,
    jsonb_build_object(
        'sex', pg_temp.unread(n.gioi_tinh_id, g.id, g.ma, pg_temp.sex(g.ma) is not null),
        'nationality', pg_temp.unread(n.quoc_tich_id, q.id, q.ma, pg_temp.country(q.ma) is not null),
        'ethnicity', pg_temp.unread(n.dan_toc_id, d.id, d.ma, pg_temp.ethnicity(d.ma) is not null),
        'birth_province', pg_temp.unread(n.noi_sinh_id, p.id, p.ma, pg_temp.province(p.ma) is not null))
from cbgv_1_1 n left join dm_gioi_tinh g on g.id = n.gioi_tinh_id left join dm_dan_toc d on d.id = n.dan_toc_id
    left join dm_quoc_tich q on q.id = n.quoc_tich_id left join dm_tinh p on p.id = n.noi_sinh_id

-- name: learner
select 'DHA/learner/' || n.id as record_key, n.ma_hoc_vien as code, 'DHA/person/nh/' || n.id as person, n.email,
    n.dien_thoai as phone, case o.ma when '1' then '01' when '2' then '02' when '3' then '03' end as policy_group,
    jsonb_build_object('policy_group', pg_temp.unread(n.doi_tuong_id, o.id, o.ma, o.ma in ('1', '2', '3'))) as untyped
from nh_1_1 n left join dm_doi_tuong o on o.id = n.doi_tuong_id

-- name: study_record
select 'DHA/study_record/' || h.id as record_key, h.id::text as local_id, 'DHA/learner/' || h.nh_1_1_id as learner,
    'DHA/programme/' || h.ctdt_1_2_id as programme, h.ngay_nhap_hoc::text as enrolment_date, h.so_qd as enrolment_decision,
    pg_temp.form(f.ma) as form_of_study, h.khoa as cohort, h.nam_thu as year_of_study,
    case s.ma when '1' then 'STUDYING' when '2' then 'SUSPENDED' when '3' then 'WITHDRAWN' when '4' then 'GRADUATED'
        when '5' then 'TRANSFERRED' end as status,
    h.ngay_trang_thai::text as status_date, case h.nganh_chinh when 1 then true when 0 then false end as main_programme,
    jsonb_build_object(
        'form_of_study', pg_temp.unread(h.hinh_thuc_id, f.id, f.ma, pg_temp.form(f.ma) is not null),
        'status', pg_temp.unread(h.trang_thai_id, s.id, s.ma, s.ma in ('1', '2', '3', '4', '5')),
        'main_programme', case when h.nganh_chinh not in (0, 1) then h.nganh_chinh::text end) as untyped
from nh_2_1 h left join dm_hinh_thuc_dao_tao f on f.id = h.hinh_thuc_id
    left join dm_trang_thai_hoc s on s.id = h.trang_thai_id

-- name: study_decision
select 'DHA/study_decision/' || q.id as record_key, 'DHA/study_record/' || q.nh_2_1_id as study_record,
    case k.ma when 'BL' then 'SUSPENSION' when 'TL' then 'RETURN' when 'TH' then 'WITHDRAWAL' when 'CD' then 'TRANSFER_OUT'
        when 'CN' then 'TRANSFER_IN' when 'TN' then 'GRADUATION' end as kind,
    q.so_qd as decision_number, q.ngay_qd::text as decision_date, q.ngay_hieu_luc::text as effective_date,
    q.ma_co_so_khac as other_institution, q.ly_do as reason,
    jsonb_build_object('kind', pg_temp.unread(
        q.loai_quyet_dinh_id, k.id, k.ma, k.ma in ('BL', 'TL', 'TH', 'CD', 'CN', 'TN'))) as untyped
from nh_2_3 q left join dm_loai_quyet_dinh k on k.id = q.loai_quyet_dinh_id

-- name: degree
select 'DHA/degree/' || v.id as record_key, v.so_dinh_danh as national_id, v.so_hieu as serial,
    v.so_vao_so as register_number, v.nam_vao_so as register_year, pg_temp.degree_kind(k.ma) as kind,
    'DHA/person/nh/' || v.nh_1_1_id as person, 'DHA/study_record/' || v.nh_2_1_id as study_record, v.ho_ten as full_name,
    v.ngay_sinh::text as birth_date, pg_temp.level(l.ma) as level, v.ma_nganh as major_code,
    case x.ma when 'XS' then 'EXCELLENT' when 'G' then 'VERY_GOOD' when 'K' then 'GOOD' when 'TB' then 'AVERAGE'
        end as classification,
    v.ngay_cap::text as award_date, v.so_qd as decision_number, v.ngay_qd::text as decision_date, v.nguoi_ky as signer,
    pg_temp.degree_status(s.ma) as status, v.so_qd_trang_thai as status_decision_number,
    v.ngay_qd_trang_thai::text as status_decision_date,
    jsonb_build_object(
        'kind', pg_temp.unread(v.loai_van_bang_id, k.id, k.ma, pg_temp.degree_kind(k.ma) is not null),
        'level', pg_temp.unread(v.trinh_do_id, l.id, l.ma, pg_temp.level(l.ma) is not null),
        'classification', pg_temp.unread(v.xep_loai_id, x.id, x.ma, x.ma in ('XS', 'G', 'K', 'TB')),
        'status', pg_temp.unread(v.trang_thai_vb_id, s.id, s.ma, pg_temp.degree_status(s.ma) is not null)) as untyped
from nh_2_2 v left join dm_loai_van_bang k on k.id = v.loai_van_bang_id left join dm_trinh_do l on l.id = v.trinh_do_id
    left join dm_xep_loai x on x.id = v.xep_loai_id left join dm_trang_thai_vb s on s.id = v.trang_thai_vb_id
union all
select 'DHA/degree/' || v.id, null, v.so_hieu, v.so_vao_so, v.nam_vao_so, pg_temp.degree_kind(k.ma),
    'DHA/person/cbgv/' || v.cbgv_1_1_id, null, v.ho_ten, v.ngay_sinh::text, pg_temp.level(l.ma), v.ma_nganh, null,
    v.ngay_cap::text, null, null, v.nguoi_ky, pg_temp.degree_status(s.ma), null, null,
    jsonb_build_object(
        'kind', pg_temp.unread(v.loai_van_bang_id, k.id, k.ma, pg_temp.degree_kind(k.ma) is not null),
        'level', pg_temp.unread(v.trinh_do_id, l.id, l.ma, pg_temp.level(l.ma) is not null),
        'status', pg_temp.unread(v.trang_thai_vb_id, s.id, s.ma, pg_temp.degree_status(s.ma) is not null))
from cbgv_1_4 v left join dm_loai_van_bang k on k.id = v.loai_van_bang_id left join dm_trinh_do l on l.id = v.trinh_do_id
    left join dm_trang_thai_vb s on s.id = v.trang_thai_vb_id

-- name: degree_correction
select 'DHA/degree_correction/' || c.id as record_key, 'DHA/degree/' || c.nh_2_2_id as degree,
    c.so_qd as decision_number, c.ngay_qd::text as decision_date, c.ly_do as reason, c.ho_ten as full_name,
    c.ngay_sinh::text as birth_date, pg_temp.sex(g.ma) as sex, pg_temp.province(p.ma) as birth_province,
    jsonb_build_object(
        'sex', pg_temp.unread(c.gioi_tinh_id, g.id, g.ma, pg_temp.sex(g.ma) is not null),
        'birth_province', pg_temp.unread(c.noi_sinh_id, p.id, p.ma, pg_temp.province(p.ma) is not null)) as untyped
from nh_2_4 c left join dm_gioi_tinh g on g.id = c.gioi_tinh_id left join dm_tinh p on p.id = c.noi_sinh_id

-- name: staff_contract
select 'DHA/staff_contract/' || c.id as record_key, c.ma_can_bo as staff_code, 'DHA/person/cbgv/' || c.cbgv_1_1_id as person,
    case k.ma when '1' then 'PERMANENT' when '2' then 'FIXED_TERM' when '3' then 'VISITING' end as contract_form,
    c.tu_ngay::text as valid_from, c.den_ngay::text as valid_to, c.toan_thoi_gian as full_time,
    case when k.ma in ('1', '2', '3') then k.ma = '1' end as permanent,
    case t.ma when 'GV' then 'LECTURER' when 'GVC' then 'SENIOR_LECTURER' when 'PGS' then 'ASSOC_PROFESSOR'
        when 'GS' then 'PROFESSOR' when 'KHAC' then 'OTHER' end as title,
    pg_temp.level(l.ma) as highest_degree, case s.ma when '1' then 'ACTIVE' when '0' then 'LEFT' end as status,
    jsonb_build_object(
        'contract_form', pg_temp.unread(c.loai_hop_dong_id, k.id, k.ma, k.ma in ('1', '2', '3')),
        'permanent', pg_temp.unread(c.loai_hop_dong_id, k.id, k.ma, k.ma in ('1', '2', '3')),
        'title', pg_temp.unread(c.chuc_danh_id, t.id, t.ma, t.ma in ('GV', 'GVC', 'PGS', 'GS', 'KHAC')),
        'highest_degree', pg_temp.unread(c.trinh_do_id, l.id, l.ma, pg_temp.level(l.ma) is not null),
        'status', pg_temp.unread(c.trang_thai_id, s.id, s.ma, s.ma in ('0', '1'))) as untyped
from cbgv_1_2 c left join dm_loai_hop_dong k on k.id = c.loai_hop_dong_id left join dm_chuc_danh t on t.id = c.chuc_danh_id
    left join dm_trinh_do l on l.id = c.trinh_do_id left join dm_trang_thai s on s.id = c.trang_thai_id

-- name: teaching_assignment
select 'DHA/teaching_assignment/' || t.id as record_key, t.ma_can_bo as staff_code,
    'DHA/person/cbgv/' || t.cbgv_1_1_id as person, pg_temp.level(l.ma) as level, t.ma_nganh as major_code,
    t.tu_ngay::text as valid_from, t.den_ngay::text as valid_to, t.chu_tri as main, t.thinh_giang as visiting,
    t.ma_co_so_goc as home_institution,
    jsonb_build_object('level', pg_temp.unread(t.trinh_do_id, l.id, l.ma, pg_temp.level(l.ma) is not null)) as untyped
from cbgv_1_3 t left join dm_trinh_do l on l.id = t.trinh_do_id
